"""Callers: who sends a request, and what they may do."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from flowc.server.access.scopes import (
    FOR_EACH_CALLER,
    FOR_ONE_WORKFLOW,
    ROUTES,
    ApiScope,
    CallerRole,
    scopes_of,
)
from flowc.server.records.refused import Refused

# The operator's own tenant, which is the only one of most servers.
DEFAULT_TENANT = "default"
# The names of tenants are part of the names of schedules, errands and Redis streams.
_TENANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@|-]{0,63}")


class Unauthenticated(Refused):
    """The request has no valid key or token: send `Authorization: Bearer …`."""

    code = "unauthenticated"


class Forbidden(Refused):
    """The caller may not do this."""

    code = "forbidden"


@dataclass(frozen=True)
class Caller:
    """Who sends a request: a key, the subject of a token, or any client if access is open.

    A caller of one `workflow_id` may only run that workflow. `expires_at` is in seconds since 1970.
    `key_id` is the caller's API key, and `session` the hash of the browser's session, if any.
    A question is for the caller if it names one of its `names`, or one of its `groups`.
    """

    tenant: str
    name: str
    scopes: Collection[ApiScope] = field(default=frozenset(), repr=False)
    workflow_id: str | None = None
    expires_at: float | None = None
    key_id: str | None = None
    session: str | None = field(default=None, repr=False)
    names: Collection[str] = ()
    groups: Collection[str] = ()

    def require(self, handler: str) -> None:
        """Raise Forbidden unless the caller may use the route of a handler."""
        if handler in FOR_EACH_CALLER:
            return
        needed = ROUTES[handler]
        if needed not in self.scopes:
            raise Forbidden(
                f"This needs the scope {needed.value!r}, which {self.name} does not have."
            )
        if self.workflow_id is not None and handler not in FOR_ONE_WORKFLOW:
            raise Forbidden(f"{self.name} may only run the workflow {self.workflow_id!r}.")

    def require_workflow(self, workflow_id: str) -> None:
        """Raise Forbidden if the caller may only run another workflow."""
        if not self.may_run(workflow_id):
            raise Forbidden(f"{self.name} may only run the workflow {self.workflow_id!r}.")

    @property
    def is_operator(self) -> bool:
        """Whether it is a caller of the operator's own tenant."""
        return self.tenant == DEFAULT_TENANT

    def require_operator(self) -> None:
        """Raise Forbidden for a caller of another tenant than the operator's."""
        if not self.is_operator:
            raise Forbidden(f"Only a key of the tenant {DEFAULT_TENANT!r} may do this.")

    def require_question(self, assignee: str | None, group: str | None) -> None:
        """Raise Forbidden if a question is for another person or group; null is for all."""
        if ApiScope.ANSWERS_ANY in self.scopes:
            return
        for whom, mine in ((assignee, self.names), (group, self.groups)):
            if whom is not None and whom not in mine:
                raise Forbidden(f"The question is for {whom[:100]!r}, and not for {self.name}.")

    def tenant_for(self, asked: str | None) -> str:
        """Return the tenant that an act is about: another one only for the operator's keys.

        Raises Forbidden.
        """
        if asked is None or asked == self.tenant:
            return self.tenant
        if not self.is_operator:
            raise Forbidden(f"Only a key of the tenant {DEFAULT_TENANT!r} may name another tenant.")
        if not is_tenant_name(asked):
            raise Forbidden(f"No tenant can have the name {asked[:100]!r}.")
        return asked

    def may_run(self, workflow_id: str) -> bool:
        """Return whether the caller may run a workflow, if it may run any."""
        return self.workflow_id in {None, workflow_id}


def is_tenant_name(text: str) -> bool:
    """Return whether a text can be the name of a tenant.

    >>> is_tenant_name("acme"), is_tenant_name("org_8Kd:eu"), is_tenant_name("a/b")
    (True, True, False)
    """
    return _TENANT_NAME.fullmatch(text) is not None


def local_admin() -> Caller:
    """Return who calls a server that lets all clients of this machine do everything."""
    return Caller(DEFAULT_TENANT, "local", scopes_of(CallerRole.ADMIN))
