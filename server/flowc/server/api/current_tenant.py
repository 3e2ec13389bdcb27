"""What request handlers receive: the process of the server, and what it has for the caller."""

from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from flowc.server.api.admission import caller_of
from flowc.server.process.process import Process
from flowc.server.process.tenants import Tenant


# A function that is not async would be called in another thread, at each request.
async def _process(connection: HTTPConnection) -> Process:
    return process_of(connection.scope)


def process_of(scope: Any) -> Process:
    """Return the process of a request."""
    process: Process = scope["app"].state.process
    return process


CurrentProcess = Annotated[Process, Depends(_process)]


async def _tenant(connection: HTTPConnection) -> Tenant:
    return tenant_of(connection.scope)


def tenant_of(scope: Any) -> Tenant:
    """Return what the process has for the caller of an admitted request."""
    caller, process = caller_of(scope), process_of(scope)
    if caller is None:
        raise LookupError("A route that all clients may use has no tenant.")
    tenant: Tenant = process.tenants.of(caller.tenant)
    return tenant.acting_for(caller)


CurrentTenant = Annotated[Tenant, Depends(_tenant)]
AskedTenant = Annotated[
    str | None,
    Query(max_length=64, description="Tenant; another than the caller's only for the operator."),
]
