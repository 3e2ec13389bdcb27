"""An MCP server, in which each workflow is a tool with the input and output that it declares.

Only the endpoint imports this module, at the first request: the library takes half a second.
"""

import logging
from functools import partial
from http import HTTPStatus
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.large_values import in_worker, is_large
from flowc.compiler.reading.plain_json import NotPlain, require_plain
from flowc.compiler.running.events import EventKind
from flowc.server.api.admission import caller_of
from flowc.server.api.current_tenant import tenant_of
from flowc.server.api.errors import failure_of
from flowc.server.records.message_text import question_of, text_of
from flowc.server.records.runs import RunRecord
from flowc.server.settings import Settings
from flowc.server.store import NoSuchWorkflow, StoredWorkflow
from flowc.server.store.parts import ListPart

log = logging.getLogger(__name__)

_PAGE = 100
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LONGEST_CURSOR, _LONGEST_NAME = 9, 128
_DONE = frozenset({EventKind.NODE_COMPLETED, EventKind.NODE_SKIPPED, EventKind.NODE_CANCELLED})


def sessions_of(version: str, settings: Settings) -> StreamableHTTPSessionManager:
    """Return the MCP server, which answers requests while it runs."""
    server = Server("flowc", version=version, on_list_tools=_list_tools, on_call_tool=_call_tool)
    # Stateless, so that any process can serve any request.
    return StreamableHTTPSessionManager(
        server, stateless=True, security_settings=transport_security(settings)
    )


def transport_security(settings: Settings) -> TransportSecuritySettings:
    """Return the library's own rules for `Host` and `Origin`: the same as those of the server."""
    names = [*_LOOPBACK, *settings.allowed_hosts]
    hosts = [host for name in names for host in (name, f"{name}:*")]
    own = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(
        # The library knows no name for every host.
        enable_dns_rebinding_protection="*" not in settings.allowed_hosts,
        allowed_hosts=hosts,
        allowed_origins=[*own, *settings.cors_origins],
    )


async def _list_tools(
    context: ServerRequestContext[Any], asked: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    try:
        return await _listed(_Asker(context), (asked.cursor if asked is not None else None) or "")
    except Exception as problem:
        raise MCPError(types.INTERNAL_ERROR, _sentence(problem)) from problem


async def _call_tool(
    context: ServerRequestContext[Any], asked: types.CallToolRequestParams
) -> types.CallToolResult:
    try:
        return await _called(_Asker(context), asked.name, asked.arguments or {})
    except NoSuchWorkflow:
        return _failed(f"There is no workflow {asked.name[:_LONGEST_NAME]!r}.")
    except NotPlain as refused:
        return _failed(str(refused))
    except Exception as problem:
        return _failed(_sentence(problem))


class _Asker:
    """Who sends a request, with the tenant whose workflows are the tools."""

    def __init__(self, context: ServerRequestContext[Any]) -> None:
        assert context.request is not None  # it came over HTTP, and was admitted
        self.session, scope = context.session, context.request.scope
        self.tenant, caller = tenant_of(scope), caller_of(scope)
        assert caller is not None  # as above
        self.caller = caller


async def _listed(asker: _Asker, cursor: str) -> types.ListToolsResult:
    is_number = cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_CURSOR
    offset, tenant = int(cursor) if is_number else 0, asker.tenant
    found, total, _ = await tenant.stored_workflows.list(ListPart(_PAGE, offset))
    tools: list[types.Tool] = []
    for stored in found:
        if not asker.caller.may_run(stored.id):
            continue
        try:
            compiled = await tenant.workflows.compiled(stored)
        except DefinitionRefused:
            # One of its node types or workflows is missing by now.
            continue
        tools.append(_tool(stored, compiled))
    after = offset + len(found)
    return types.ListToolsResult(
        tools=tools, next_cursor=str(after) if after < (total or 0) else None
    )


async def _called(asker: _Asker, name: str, given: dict[str, Any]) -> types.CallToolResult:
    # The library's JSON reader takes more than the API's.
    await _require_plain({"name": name, "arguments": given})
    asker.caller.require_workflow(name)
    tenant = asker.tenant
    stored = await tenant.stored_workflows.get(name)
    compiled = await tenant.workflows.compiled(stored)
    run = await tenant.runs.submit(compiled, given, stored, is_awaited=True)
    return await _result(asker, compiled, run.id)


async def _result(asker: _Asker, compiled: CompiledWorkflow, run_id: str) -> types.CallToolResult:
    """Report the progress of a run, and return its output or why it has none."""
    tenant, done, total = asker.tenant, 0, len(compiled.plan.nodes)
    async for event in tenant.runs.events(run_id):
        if event.kind in _DONE and not event.path:
            done = min(done + 1, total)
            await asker.session.report_progress(done, total, event.node_id)
        elif event.kind == EventKind.RUN_WAITING and (asked := await tenant.chat.asked(run_id)):
            question = question_of(asked.data)
            return _failed(f"The run {run_id} waits for a person. It asks: {question}")
    run = await tenant.runs.at_rest(run_id)
    return _result_of(run) if run.status == "completed" else _failed(_reason(run))


def _tool(stored: StoredWorkflow, compiled: CompiledWorkflow) -> types.Tool:
    workflow = compiled.workflow
    return types.Tool(
        name=stored.id,
        title=stored.name,
        description=workflow.description or stored.name,
        input_schema={"type": "object", **(workflow.input or {})},
        output_schema=workflow.output if _is_object(compiled) else None,
    )


def _is_object(compiled: CompiledWorkflow) -> bool:
    """Return whether the output is declared as an object, as structured content must be."""
    return (compiled.workflow.output or {}).get("type") == "object"


def _result_of(run: RunRecord) -> types.CallToolResult:
    data = run.output if isinstance(run.output, dict) else {"output": run.output}
    text = types.TextContent(type="text", text=text_of(run.output))
    return types.CallToolResult(content=[text], structured_content=data)


def _reason(run: RunRecord) -> str:
    error = run.error or {"message": f"The run is {run.status}."}
    return f"The run {run.id} {run.status}: {error['message']}"


def _sentence(problem: Exception) -> str:
    """Return what clients see of a problem: no message of a library or a database."""
    failure = failure_of(problem)
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("A request over MCP failed.", exc_info=problem)
    return failure.message


async def _require_plain(given: dict[str, Any]) -> None:
    if is_large(given):
        await in_worker(partial(require_plain, given))
    else:
        require_plain(given)


def _failed(why: str) -> types.CallToolResult:
    text = types.TextContent(type="text", text=why)
    return types.CallToolResult(content=[text], is_error=True)
