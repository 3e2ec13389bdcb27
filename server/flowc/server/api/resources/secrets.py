"""Routes for secrets, which can be set and deleted, but not read."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from flowc.compiler.running.redaction import MIN_LENGTH
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.audit_notes import note_details
from flowc.server.api.current_tenant import AskedTenant, CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.secrets import SecretBindings, SecretRecord, SecretText
from flowc.server.secrets.sources import SECRET_NAME

router = APIRouter(tags=["access"], route_class=StrictRoute, responses=RESPONSES)

_HOST = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]{1,63}|[0-9a-f:.]+")
_MOST = 100


def _host(text: str) -> str:
    """Return a host in the form that it is compared in; raise ValueError.

    >>> _host("API.Example.com."), _host("*.example.com"), _host("[::1]")
    ('api.example.com', '*.example.com', '::1')
    """
    host = text.strip().rstrip(".").lower()
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if len(host) > 253 or _HOST.fullmatch(host) is None:
        raise ValueError("a host is a name such as api.example.com or *.example.com, without port")
    return host


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().strip()) < MIN_LENGTH:
        raise ValueError(f"a secret has at least {MIN_LENGTH} characters: it must be maskable")
    return value


SetName = Annotated[
    str, Path(max_length=128, pattern=f"^{SECRET_NAME.pattern}$", description="Name of the secret.")
]
Host = Annotated[str, Field(max_length=300), AfterValidator(_host)]


class SetSecretRequest(RequestBody):
    """A secret, and what it is bound to."""

    value: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        max_length=65_536, description="The secret itself, of 4 characters or more."
    )
    hosts: list[Host] = Field(
        default_factory=list,
        max_length=_MOST,
        description="Hosts that it may be sent to, `*.example.com` for all names below that one;"
        " by default all.",
    )
    workflows: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default_factory=list,
        max_length=_MOST,
        description="Ids of the workflows that may read it; by default all.",
    )


class SecretBody(BaseModel):
    """A secret, without its value."""

    name: str
    version: int = Field(description="How often it was set.")
    hosts: list[str]
    workflows: list[str]
    key_id: str = Field(description="The key that it is sealed with.")
    created_at: datetime
    updated_at: datetime
    updated_by: str


class SecretsBody(BaseModel):
    """The secrets of a tenant, by name."""

    items: list[SecretBody]
    key_id: str | None = Field(description="The key that seals; null if the server has none.")


class RotationBody(BaseModel):
    """What a rotation did."""

    key_id: str = Field(description="The newest key, which seals.")
    resealed: int = Field(description="Secrets that are sealed with it now.")
    remaining: int = Field(
        description="Secrets left under old keys. At 0, the old keys can be removed from the"
        " settings."
    )


@router.put("/secrets/{name}")
async def set_secret(
    name: SetName,
    body: SetSecretRequest,
    caller: CurrentCaller,
    process: CurrentProcess,
    request: Request,
    tenant: AskedTenant = None,
) -> SecretBody:
    """Set a secret, or replace it: workflows read the new value at once. It cannot be read."""
    bindings = SecretBindings(
        tuple(dict.fromkeys(body.hosts)), tuple(dict.fromkeys(body.workflows))
    )
    secret = SecretText(body.value.get_secret_value(), bindings)
    owner = process.tenants.of(caller.tenant_for(tenant))
    # From now on, no error and no line of the log has it.
    owner.services.known.add([secret.value])
    made = await owner.secrets.set(name, secret, caller.name)
    note_details(request, version=made.version)
    return _body(made)


@router.get("/secrets")
async def list_secrets(
    caller: CurrentCaller, process: CurrentProcess, tenant: AskedTenant = None
) -> SecretsBody:
    """Return the names of all secrets in the database and what they are bound to, no values."""
    found = await process.tenants.of(caller.tenant_for(tenant)).secrets.stored.list()
    seals = process.services.seals
    return SecretsBody(
        items=[_body(each) for each in found], key_id=seals.newest if seals else None
    )


@router.delete("/secrets/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_secret(
    name: SetName, caller: CurrentCaller, process: CurrentProcess, tenant: AskedTenant = None
) -> None:
    """Delete a secret: no workflow reads it any more."""
    owner = process.tenants.of(caller.tenant_for(tenant))
    await owner.secrets.stored.delete(name)
    owner.look_again()


@router.post("/secrets/rotate", responses=CONFLICT)
async def rotate_secrets(
    caller: CurrentCaller, process: CurrentProcess, tenant: AskedTenant = None
) -> RotationBody:
    """Seal all secrets with the newest key; the operator's own key does it for all tenants.

    First add the new key in front of the old ones, in the settings of all processes; when nothing
    is left under the old ones, remove them.
    """
    done = await process.tenants.rotate_secrets(
        caller.tenant_for(tenant), is_all=caller.is_operator and tenant is None
    )
    return RotationBody(key_id=process.services.seals.newest, **done._asdict())


def _body(record: SecretRecord) -> SecretBody:
    bindings = record.bindings
    values = {
        **record._asdict(),
        "hosts": list(bindings.hosts),
        "workflows": list(bindings.workflows),
    }
    return SecretBody(**{name: values[name] for name in SecretBody.model_fields})
