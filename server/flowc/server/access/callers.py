"""Callers: who sends a request, and what they may do."""

from collections.abc import Collection
from dataclasses import dataclass, field

from flowc.server.access.scopes import (
    FOR_ONE_WORKFLOW,
    ROUTES,
    ApiScope,
    CallerRole,
    scopes_of,
)
from flowc.server.records.refused import Refused

# All data of a server belongs to it.
DEFAULT_TENANT = "default"


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
    """

    tenant: str
    name: str
    scopes: Collection[ApiScope] = field(default=frozenset(), repr=False)
    workflow_id: str | None = None
    expires_at: float | None = None

    def require(self, handler: str) -> None:
        """Raise Forbidden unless the caller may use the route of a handler."""
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

    def may_run(self, workflow_id: str) -> bool:
        """Return whether the caller may run a workflow, if it may run any."""
        return self.workflow_id in {None, workflow_id}


def local_admin() -> Caller:
    """Return who calls a server that lets all clients of this machine do everything."""
    return Caller(DEFAULT_TENANT, "local", scopes_of(CallerRole.ADMIN))
