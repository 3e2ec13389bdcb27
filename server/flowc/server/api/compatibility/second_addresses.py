"""Second addresses of handlers, under the names that clients of other engines call."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends

from flowc.server.api.admission import admit
from flowc.server.api.compatibility import executions
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.resources import (
    catalogue,
    debugging,
    live_events,
    monitoring,
    received_messages,
    remote_types,
    runs,
    sessions,
    tests_of_workflows,
    webhooks,
)
from flowc.server.api.strict_requests import StrictRoute


def _router(prefix: str = "") -> APIRouter:
    return APIRouter(
        prefix=prefix, tags=["compatibility"], route_class=StrictRoute, responses=RESPONSES
    )


def _mount(
    router: APIRouter, method: str, path: str, handler: Any, more: Mapping[str, Any]
) -> None:
    """Mount a handler once more, as an operation that is named after it and its address."""
    words = re.findall(r"\w+", f"{router.prefix or 'root'} {path}".replace("-", "_"))
    name = "_".join([handler.__name__, "at", *words])
    router.add_api_route(path, handler, methods=[method], name=name, **more)


of_executions, of_workflows = _router("/executions"), _router("/workflows")
of_caller = _router("/me")
of_jobs, of_steps = _router("/jobs"), _router("/steps")
# It is mounted without the base of the API.
plain = _router()

_CONFLICTS = {"responses": CONFLICT}
_MADE = {"status_code": HTTPStatus.CREATED, "responses": CONFLICT}
_LATER = {"status_code": HTTPStatus.ACCEPTED}
_DEBUG = "/executions/{run_id}/debug"
_SECOND: tuple[tuple[APIRouter, str, str, Any, dict[str, Any]], ...] = (
    (of_executions, "POST", "/{run_id}/pause", runs.pause_run, _CONFLICTS),
    (of_executions, "POST", "/{run_id}/resume", runs.resume_run, _CONFLICTS),
    (of_executions, "POST", "/{run_id}/terminate", runs.terminate_run, _CONFLICTS),
    (of_executions, "POST", "/{run_id}/replay", debugging.replay_run, {}),
    (of_workflows, "POST", f"{_DEBUG}/enable", debugging.enable_debugging, _CONFLICTS),
    (of_workflows, "POST", f"{_DEBUG}/disable", debugging.disable_debugging, _CONFLICTS),
    (of_workflows, "POST", f"{_DEBUG}/step", debugging.step, _CONFLICTS),
    (of_workflows, "POST", f"{_DEBUG}/breakpoint", executions.add_breakpoint, _CONFLICTS),
    (
        of_workflows,
        "DELETE",
        f"{_DEBUG}/breakpoint/{{node}}",
        debugging.delete_breakpoint,
        _CONFLICTS,
    ),
    (of_workflows, "GET", f"{_DEBUG}/state", debugging.read_debug_state, {}),
    (of_workflows, "GET", f"{_DEBUG}/variables", debugging.read_variables, {}),
    (of_workflows, "PATCH", f"{_DEBUG}/variables", debugging.change_variables, _CONFLICTS),
    (of_workflows, "POST", "/execute-async", executions.execute_async, _LATER),
    (
        of_workflows,
        "POST",
        "/webhooks/subscriptions",
        webhooks.create_subscription,
        {"status_code": HTTPStatus.CREATED},
    ),
    (
        of_workflows,
        "POST",
        "/webhooks/{path:path}",
        received_messages.receive_webhook,
        {"status_code": HTTPStatus.ACCEPTED},
    ),
    (of_jobs, "GET", "/{run_id}/logs", runs.read_logs, {}),
    (plain, "POST", "/workflows/execute", executions.execute_workflow_or_definition, {}),
    (plain, "POST", "/workflows/execute-async", executions.execute_async, _LATER),
    (plain, "GET", "/executions/{run_id}", executions.get_execution, {}),
    (
        of_workflows,
        "POST",
        "/executions/{run_id}/test/validate",
        tests_of_workflows.validate_run,
        _CONFLICTS,
    ),
    (plain, "GET", "/monitoring/summary", monitoring.read_summary, {}),
    (of_workflows, "GET", "/monitoring/metrics", monitoring.read_summary, {}),
    (of_steps, "POST", "/register", remote_types.register_node_type, _MADE),
    (of_steps, "GET", "", catalogue.list_node_types, {}),
    (of_steps, "GET", "/{node_type}", catalogue.get_node_type, {}),
    (plain, "POST", "/steps/register", remote_types.register_node_type, _MADE),
    (of_caller, "GET", "", sessions.get_session, {}),
    (plain, "GET", "/steps", catalogue.list_node_types, {}),
    (plain, "GET", "/steps/{node_type}", catalogue.get_node_type, {}),
)
for _router_of, _method, _path, _handler, _more in _SECOND:
    _mount(_router_of, _method, _path, _handler, _more)
plain.add_api_websocket_route(
    "/ws/workflow/{workflow_id}", live_events.watch_workflow, dependencies=[Depends(admit)]
)
of_workflows.add_api_websocket_route(
    "/executions/{run_id}/ws", runs.watch_socket, dependencies=[Depends(admit)]
)
