"""Routes for node types whose work services elsewhere do: register and remove them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from flowc.nodes.services.egress import EgressDenied, RequestFailed, ResponseTooLarge
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.webhooks import SecretName
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.tenants import Tenant
from flowc.server.records.remote_types import NewRemoteType, RegisteredType

router = APIRouter(
    prefix="/nodes", tags=["authoring"], route_class=StrictRoute, responses=RESPONSES
)

NodeTypeName = Annotated[str, Path(max_length=128, description="Word for the type: `llm`, `http`.")]
# Seconds that a service has to say whether it works.
_PATIENCE = 3.0
_MOST_BYTES = 65_536
Url = Annotated[
    str,
    Field(
        pattern=r"^https?://",
        max_length=8_192,
        description="Public, or allowed by `FLOWC_EGRESS_ALLOW`.",
    ),
]
SchemaForm = Annotated[
    dict[str, Any],
    Field(description="A JSON Schema, or the short form: `{name: string, tags: [string]}`."),
]


class NewNodeType(RequestBody):
    """A node type whose work the service at `url` does."""

    notes: ClassVar = {
        "class_path": "A class is installed as a package with the entry point `flowc.nodes`.",
        "input": "Did you mean 'input_schema'?",
        "output": "Did you mean 'output_schema'?",
    }

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,63}$", description="The word for it in definitions."
    )
    url: Url
    description: str = Field(
        default="", max_length=2_000, description="What it does; the first line is its summary."
    )
    input_schema: SchemaForm = Field(default_factory=dict)
    output_schema: SchemaForm = Field(default_factory=dict)
    secret: SecretName
    timeout: float = Field(default=30.0, gt=0, le=3_600, description="Seconds for one call.")
    version: str = Field(default="1", min_length=1, max_length=64)
    health_url: Url | None = Field(
        default=None, description="Answers GET with a status below 300 while the service works."
    )


class RegisteredNodeType(BaseModel):
    """A registered node type."""

    name: str
    url: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    secret: str = Field(description="Name of the secret that signs its calls.")
    timeout: float
    version: str
    health_url: str | None
    health: str | None = Field(
        description="`ok`, or why the service did not answer just now; null without `health_url`."
    )
    registered_by: str
    created_at: datetime
    updated_at: datetime


@router.post("/register", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def register_node_type(
    body: NewNodeType, tenant: CurrentTenant, caller: CurrentCaller
) -> RegisteredNodeType:
    """Register a service as a node type, or register it again; no process needs a restart.

    Each run of such a node is one signed call, as `writing-a-node-type.md` describes. Definitions
    that are stored later are checked against the schemas; runs at work are not.
    """
    await tenant.services.http.require_allowed(body.url)
    await tenant.services.signer(body.secret, None)
    given = body.model_dump(exclude={"input_schema", "output_schema"})
    new = NewRemoteType(arguments=body.input_schema, output=body.output_schema, **given)
    return await registered(tenant, await tenant.workflows.types.register(new, caller.name))


@router.delete("/{node_type}", status_code=HTTPStatus.NO_CONTENT)
async def remove_node_type(node_type: NodeTypeName, tenant: CurrentTenant) -> Response:
    """Remove a registered node type; nodes that use it fail from then on."""
    await tenant.workflows.types.stored.remove(node_type)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def registered(tenant: Tenant, found: RegisteredType) -> RegisteredNodeType:
    """Return a registered type as clients see it, and whether its service works."""
    return RegisteredNodeType(
        name=found.name,
        url=found.url,
        description=found.description,
        input_schema=found.arguments,
        output_schema=found.output,
        secret=found.secret,
        timeout=found.timeout,
        version=found.version,
        health_url=found.health_url,
        health=await _health(tenant, found.health_url),
        registered_by=found.registered_by,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


async def _health(tenant: Tenant, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        answer = await tenant.services.http.request(
            "GET", url, max_bytes=_MOST_BYTES, deadline=_PATIENCE
        )
    except (EgressDenied, RequestFailed, ResponseTooLarge, TimeoutError) as problem:
        return str(problem) or "No response in time."
    is_well = answer.status_code < HTTPStatus.MULTIPLE_CHOICES
    return "ok" if is_well else f"The service answered {answer.status_code}."
