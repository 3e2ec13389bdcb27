"""Which status and which words does each failure have over HTTP? The only place that knows."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import EgressDenied
from flowc.rag.stores import NoSuchCollection
from flowc.server.conversations.chat import NoChat
from flowc.server.engine.driving import InputRefused
from flowc.server.engine.queue.dbos_queue import ScheduleRefused
from flowc.server.engine.replay import ReplayRefused
from flowc.server.records.runs import RunRecord
from flowc.server.runs.runs import AnswerRefused
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.files import NoSuchFile
from flowc.server.store.messages import NoSuchThread, ThreadBusy
from flowc.server.store.runs.steering import NoSuchInterrupt, NotAnswerable, NotPossible
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.triggers import NoSuchTrigger, TriggerExists
from flowc.server.store.workflows import NoSuchWorkflow, WorkflowExists
from flowc.server.triggers.dependencies import DependenciesRefused
from flowc.server.triggers.schedules import NoSuchSchedule
from flowc.server.triggers.webhooks import SecretMissing, SignatureRefused
from flowc.server.workflows.compiled import CannotRebuild

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


# Where clients of OpenAI are served, and which of our refusals they call a bad request.
OPENAI = "/v1/"
# What another process, or another hour, may bring.
_MAY_PASS = frozenset({"documents-in-use", "no-reader"})
_BAD_REQUESTS = frozenset({"invalid-request", "input-refused", "no-chat"})


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: list[Any]
    request_id: str | None


class ErrorResponse(BaseModel):
    """The one shape of all errors."""

    error: ErrorBody


class RunEndedBadly(Exception):
    """Whoever waits for what a run says, and it fails, meets this."""

    def __init__(self, run: RunRecord) -> None:
        error = run.error or {"code": run.status, "message": f"The run is {run.status}."}
        self.code, self.message = str(error["code"]), str(error["message"])
        super().__init__(self.message)

    def as_openai(self) -> dict[str, Any]:
        """Return it as clients of OpenAI read it."""
        return {"message": self.message, "type": "workflow_error", "param": None, "code": self.code}


class BadRequest(HTTPException):
    """Whoever sends a request that cannot be read meets this."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(status, message)


# Exception, status, code, sentence; those that say more have a handler of their own.
_PLAIN: tuple[tuple[type[Exception], int, str, str], ...] = (
    (NoSuchWorkflow, 404, "no-such-workflow", "There is no such workflow."),
    (NoSuchRun, 404, "no-such-run", "There is no such run."),
    (NoSuchSchedule, 404, "no-such-schedule", "There is no such schedule."),
    (NoSuchInterrupt, 404, "no-such-interrupt", "Nobody was asked this."),
    (NotAnswerable, 409, "not-answerable", "This has another answer already, or is not asked now."),
    (NoSuchTrigger, 404, "no-such-trigger", "There is no such webhook or subscription."),
    (TriggerExists, 409, "webhook-exists", "There is a webhook under this path already."),
    (SignatureRefused, 401, "signature-refused", "The message is not signed as it has to be."),
    (NoSuchFile, 404, "no-such-file", "There is no such file."),
    (NoSuchCollection, 404, "no-such-collection", "There is no such collection."),
    (NoSuchThread, 404, "no-such-thread", "There is no such thread."),
    (ThreadBusy, 409, "thread-busy", "The last run of this thread has not ended."),
    (NoChat, 422, "no-chat", "The workflow takes no `message`, so nobody can talk with it."),
    (WorkflowExists, 409, "workflow-exists", "A workflow with this id is there already."),
    *(
        (kind, 503, "store-unavailable", "The database cannot be reached, or not be written to.")
        for kind in DATABASE_PROBLEMS
    ),
    (Exception, 500, "server-broke", "The server broke on this request."),
)

# What does not fit is told with its problems, where there can be several.
_REFUSALS: dict[type[Exception], str] = {
    InputRefused: "input-refused",
    AnswerRefused: "answer-refused",
    ReplayRefused: "replay-refused",
    DependenciesRefused: "dependencies-refused",
    SecretMissing: "secret-missing",
    EgressDenied: "egress-denied",
}


def add_error_handlers(app: FastAPI) -> None:
    """Give every failure the one error shape."""
    app.add_exception_handler(DefinitionRefused, _definition_refused)
    for refusal, code in _REFUSALS.items():
        app.add_exception_handler(refusal, _refused(code))
    for refusal in (NotPossible, ScheduleRefused, CannotRebuild):
        app.add_exception_handler(refusal, _not_possible)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RunEndedBadly, _ended_badly)
    app.add_exception_handler(NodeError, _node_error)
    for kind, status, code, sentence in _PLAIN:
        app.add_exception_handler(kind, _plain(status, code, sentence))


def _plain(status: int, code: str, sentence: str) -> Handler:
    async def handle(request: Request, problem: Exception) -> JSONResponse:
        if status >= 500:
            log.error("a request broke", exc_info=problem)
        return error_response(request, status, code, sentence)

    return handle


async def _definition_refused(request: Request, problem: Exception) -> JSONResponse:
    found = problem.diagnostics if isinstance(problem, DefinitionRefused) else ()
    details = [diagnostic.as_json() for diagnostic in found]
    return error_response(request, 422, "definition-refused", str(problem), details)


def _refused(code: str) -> Handler:
    async def handle(request: Request, problem: Exception) -> JSONResponse:
        details: list[str] = getattr(problem, "problems", [])
        return error_response(request, 422, code, str(problem), details)

    return handle


async def _not_possible(request: Request, problem: Exception) -> JSONResponse:
    return error_response(request, 409, "not-possible", str(problem))


async def _invalid(request: Request, problem: Exception) -> JSONResponse:
    errors = problem.errors() if isinstance(problem, RequestValidationError) else []
    details = [{"at": list(map(str, e["loc"])), "message": e["msg"]} for e in errors]
    message = "The request does not have the shape that it needs."
    return error_response(request, 422, "invalid-request", message, details)


async def _ended_badly(request: Request, problem: Exception) -> JSONResponse:
    code = problem.code if isinstance(problem, RunEndedBadly) else "failed"
    return error_response(request, 422, code, str(problem))


async def _node_error(request: Request, problem: Exception) -> JSONResponse:
    """Tell what a service that nodes use has refused, or that it is down."""
    code, may_pass = "failed", False
    if isinstance(problem, NodeError):
        code, may_pass = problem.code, problem.kind is not None or problem.code in _MAY_PASS
    status = 404 if code == "no-such-collection" else 503 if may_pass else 422
    return error_response(request, status, code, str(problem))


async def _http(request: Request, problem: Exception) -> JSONResponse:
    if isinstance(problem, BadRequest):
        return error_response(request, problem.status_code, problem.code, problem.message)
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    return error_response(request, status, phrase.lower().replace(" ", "-"), f"{phrase}.")


def error_response(
    request: Request, status: int, code: str, message: str, details: Sequence[Any] = ()
) -> JSONResponse:
    """Return an error in the one shape."""
    if request.url.path.startswith(OPENAI):
        return _openai_error(status, code, message, details)
    request_id = request.scope.get("flowc.request_id")
    body = ErrorBody(code=code, message=message, details=list(details), request_id=request_id)
    return JSONResponse({"error": body.model_dump()}, status_code=status)


def _openai_error(status: int, code: str, message: str, details: Sequence[Any]) -> JSONResponse:
    """Return an error as clients of OpenAI read it."""
    first = details[0] if details else None
    at = ".".join(first["at"][1:]) if isinstance(first, dict) and "at" in first else None
    said = f"{message} {at}: {first['message']}" if at and isinstance(first, dict) else message
    if code == "no-such-workflow":
        code, said = "model_not_found", "There is no such model: a workflow's id is one."
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": said, "type": kind, "param": at, "code": code}
    # What they call a bad request.
    return JSONResponse({"error": error}, 400 if code in _BAD_REQUESTS else status)


CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": ErrorResponse}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse} for status in (400, 404, 413, 422)
}
