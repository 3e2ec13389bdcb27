"""The status and code of each error over HTTP; no other module knows them."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import (
    RequestValidationError,
    ValidationException,
    WebSocketRequestValidationError,
)
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node import NodeError
from flowc.compiler.schemas.refusals import TOO_COSTLY, TooCostly
from flowc.nodes.services.egress import EgressDenied
from flowc.rag.stores import NoSuchCollection
from flowc.server.access.callers import Forbidden, Unauthenticated
from flowc.server.api.admission import caller_of
from flowc.server.api.http_errors import HttpError, OpenAiErrorResponse, openai_error
from flowc.server.api.refused_requests import (
    FileNameRefused,
    HostRefused,
    MalformedBody,
    NoSuchDiagnostic,
    NoSuchNode,
    NoSuchNodeType,
    NoSuchScope,
    NotCompleted,
    OriginRefused,
    RequestTooLarge,
    Unsupported,
    UnsupportedBody,
)
from flowc.server.api.request_bodies import UNKNOWN_FIELD
from flowc.server.api.request_rates import TooManyRequests
from flowc.server.api.session_cookies import CsrfRefused
from flowc.server.cases.case_files import CasesRefused
from flowc.server.cases.tenant_cases import NoSuchCase
from flowc.server.conversations.chat import NoChat
from flowc.server.engine.driving import InputRefused, InputTooCostly
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.engine.queue.dbos_queue import BadSchedule, ScheduleRefused
from flowc.server.engine.replay import ReplayRefused
from flowc.server.environment.environment import EnvironmentNotReady
from flowc.server.records.refused import Refused, sentence_of
from flowc.server.runs.changes import ChangeRefused
from flowc.server.runs.run_options import KeyTaken
from flowc.server.runs.runs import AnswerRefused
from flowc.server.secrets.sealing import NoSealingKey
from flowc.server.secrets.signing import SecretMissing
from flowc.server.store.access import NoSuchKey
from flowc.server.store.cases import CasesChanged
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.drafts import DraftChanged, NoSuchDraft
from flowc.server.store.files import NoSuchFile
from flowc.server.store.messages import NoSuchThread, ThreadBusy, ThreadOfAnother
from flowc.server.store.parts import BadPlace
from flowc.server.store.remote_types import NoSuchRemoteType, TooManyTypes
from flowc.server.store.runs.admission import TooManyRuns
from flowc.server.store.runs.changes import NotStopped
from flowc.server.store.runs.steering import (
    NoSuchInterrupt,
    NotAnswerable,
    NotPossible,
    SignalTaken,
)
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.secrets import NoSuchSecret
from flowc.server.store.triggers import NoSuchTrigger, TriggerExists
from flowc.server.store.workflows import NoSuchWorkflow, WorkflowChanged, WorkflowExists
from flowc.server.triggers.dependencies import DependenciesRefused
from flowc.server.triggers.schedules import NoSuchSchedule
from flowc.server.triggers.senders import SignatureRefused
from flowc.server.triggers.webhooks import MethodRefused, SecretOfNone
from flowc.server.workflows.compiled import CannotRebuild
from flowc.server.workflows.definition_texts import RenameRefused
from flowc.server.workflows.remote_types import TypeExists, TypeRefused

log = logging.getLogger(__name__)

# Paths of the OpenAI API, whose clients expect errors in a form of their own.
OPENAI = "/v1/"
# A WebSocket closes with a reason of 123 bytes at most.
_LONGEST_REASON = 100
# Seconds after which a client may send again what a server that stops could not do.
RETRY_SECONDS = 5


class StoreUnavailable(Refused):
    """The database cannot be reached or written to; try again later."""


class InternalError(Refused):
    """Internal server error."""


# The codes of node services that may succeed later, or in another process.
_MAY_PASS = frozenset({"documents-in-use", "no-reader"})

# An exception without a code here has a `code` of its own.
_ERRORS: Mapping[type[Exception], tuple[HTTPStatus, str | None]] = {
    MalformedBody: (HTTPStatus.BAD_REQUEST, None),
    Unsupported: (HTTPStatus.BAD_REQUEST, None),
    SignatureRefused: (HTTPStatus.UNAUTHORIZED, "signature-refused"),
    Unauthenticated: (HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    Forbidden: (HTTPStatus.FORBIDDEN, "forbidden"),
    CsrfRefused: (HTTPStatus.FORBIDDEN, "csrf-refused"),
    OriginRefused: (HTTPStatus.FORBIDDEN, "origin-refused"),
    NoSuchCase: (HTTPStatus.NOT_FOUND, "no-such-case"),
    NoSuchCollection: (HTTPStatus.NOT_FOUND, "no-such-collection"),
    NoSuchDraft: (HTTPStatus.NOT_FOUND, "no-such-draft"),
    NoSuchFile: (HTTPStatus.NOT_FOUND, "no-such-file"),
    NoSuchDiagnostic: (HTTPStatus.NOT_FOUND, "no-such-diagnostic"),
    NoSuchNode: (HTTPStatus.NOT_FOUND, "no-such-node"),
    NoSuchNodeType: (HTTPStatus.NOT_FOUND, "no-such-node-type"),
    NoSuchInterrupt: (HTTPStatus.NOT_FOUND, "no-such-interrupt"),
    NoSuchKey: (HTTPStatus.NOT_FOUND, "no-such-key"),
    NoSuchScope: (HTTPStatus.NOT_FOUND, "no-such-scope"),
    NoSuchSecret: (HTTPStatus.NOT_FOUND, "no-such-secret"),
    NoSuchRemoteType: (HTTPStatus.NOT_FOUND, "no-such-node-type"),
    NoSuchRun: (HTTPStatus.NOT_FOUND, "no-such-run"),
    NoSuchSchedule: (HTTPStatus.NOT_FOUND, "no-such-schedule"),
    NoSuchThread: (HTTPStatus.NOT_FOUND, "no-such-thread"),
    NoSuchTrigger: (HTTPStatus.NOT_FOUND, "no-such-trigger"),
    NoSuchWorkflow: (HTTPStatus.NOT_FOUND, "no-such-workflow"),
    KeyTaken: (HTTPStatus.CONFLICT, "key-taken"),
    NotStopped: (HTTPStatus.CONFLICT, "not-stopped"),
    CannotRebuild: (HTTPStatus.CONFLICT, "not-possible"),
    NotAnswerable: (HTTPStatus.CONFLICT, "not-answerable"),
    NotPossible: (HTTPStatus.CONFLICT, "not-possible"),
    ScheduleRefused: (HTTPStatus.CONFLICT, "not-possible"),
    RenameRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "rename-refused"),
    TooCostly: (HTTPStatus.UNPROCESSABLE_ENTITY, TOO_COSTLY),
    ThreadBusy: (HTTPStatus.CONFLICT, "thread-busy"),
    SignalTaken: (HTTPStatus.CONFLICT, "key-taken"),
    ThreadOfAnother: (HTTPStatus.CONFLICT, "thread-of-another-workflow"),
    TypeExists: (HTTPStatus.CONFLICT, "node-type-exists"),
    TooManyTypes: (HTTPStatus.CONFLICT, "not-possible"),
    TriggerExists: (HTTPStatus.CONFLICT, "webhook-exists"),
    WorkflowExists: (HTTPStatus.CONFLICT, "workflow-exists"),
    CasesChanged: (HTTPStatus.PRECONDITION_FAILED, "cases-changed"),
    DraftChanged: (HTTPStatus.PRECONDITION_FAILED, "draft-changed"),
    WorkflowChanged: (HTTPStatus.PRECONDITION_FAILED, "workflow-changed"),
    UnsupportedBody: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-content-type"),
    RequestTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large"),
    HostRefused: (HTTPStatus.MISDIRECTED_REQUEST, "host-refused"),
    AnswerRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "answer-refused"),
    TypeRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    BadPlace: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    BadSchedule: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    CasesRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "cases-refused"),
    DefinitionRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "definition-refused"),
    DependenciesRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "dependencies-refused"),
    EgressDenied: (HTTPStatus.UNPROCESSABLE_ENTITY, "egress-denied"),
    EnvironmentNotReady: (HTTPStatus.UNPROCESSABLE_ENTITY, "environment-not-ready"),
    FileNameRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    InputTooCostly: (HTTPStatus.UNPROCESSABLE_ENTITY, TOO_COSTLY),
    InputRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "input-refused"),
    NoSealingKey: (HTTPStatus.CONFLICT, "no-sealing-key"),
    NoChat: (HTTPStatus.UNPROCESSABLE_ENTITY, "no-chat"),
    NotCompleted: (HTTPStatus.UNPROCESSABLE_ENTITY, None),
    ChangeRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "change-refused"),
    ReplayRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "replay-refused"),
    SecretMissing: (HTTPStatus.UNPROCESSABLE_ENTITY, "secret-missing"),
    SecretOfNone: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    MethodRefused: (HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed"),
    TooManyRuns: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-runs"),
    TooManyRequests: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests"),
    ServerStops: (HTTPStatus.SERVICE_UNAVAILABLE, "server-stops"),
    StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    InternalError: (HTTPStatus.INTERNAL_SERVER_ERROR, "server-broke"),
}
# What a client must send, as RFC 6750 has it.
_CHALLENGE = {"www-authenticate": "Bearer"}
# After these, a client may try the same again.
_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
# Exceptions whose text is not for clients, and what clients get instead.
_HIDDEN: Mapping[type[Exception], type[Refused]] = {
    **dict.fromkeys(DATABASE_PROBLEMS, StoreUnavailable),
    Exception: InternalError,
}


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str = Field(description="A stable name of the problem, such as `no-such-run`.")
    message: str = Field(description="A sentence for people; it may change between versions.")
    details: list[Any] = Field(
        description="The single problems: diagnostics, or what is wrong in a body."
    )
    request_id: str | None = Field(description="The same as in the header `x-request-id`.")


class ErrorResponse(BaseModel):
    """The body of every error."""

    error: ErrorBody


Responses = dict[int | str, dict[str, Any]]


def _documented(*statuses: HTTPStatus, model: str = "ErrorResponse") -> Responses:
    """Refer to the model: to give it for each status of each route takes a tenth of a second."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    return {each: {"description": each.phrase, "content": content} for each in statuses}


# The errors of routes, as OpenAPI shows them; one of them brings the model into the schema.
CONFLICT = _documented(HTTPStatus.CONFLICT)
CHANGED = _documented(HTTPStatus.PRECONDITION_FAILED)
UNAUTHORIZED: Responses = {HTTPStatus.UNAUTHORIZED: {"model": ErrorResponse}}
_USUAL = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
RESPONSES = _documented(*_USUAL)
OPENAI_RESPONSES: Responses = {
    **_documented(*_USUAL, model="OpenAiErrorResponse"),
    # As above, it brings the model into the schema.
    HTTPStatus.CONFLICT: {"model": OpenAiErrorResponse},
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with an error in the one form."""
    for kind in (*_ERRORS, *_HIDDEN, RequestValidationError, HTTPException, NodeError):
        app.add_exception_handler(kind, _handle)
    app.add_exception_handler(WebSocketRequestValidationError, _refuse_socket)


def documented_codes() -> list[tuple[int, str]]:
    """Return the statuses and codes of errors, other than codes that exceptions bring along."""
    return [(status, code) for status, code in _ERRORS.values() if code is not None]


async def close_refused(socket: WebSocket, problem: Exception) -> None:
    """Close a WebSocket with 4000 plus the HTTP status of a problem, and its message."""
    failure = failure_of(problem)
    await socket.close(4000 + failure.status, failure.message)


async def _refuse_socket(socket: WebSocket, problem: Exception) -> None:
    """Accept a WebSocket whose parameters are not valid, so that its client can read why not."""
    failure = failure_of(problem)
    reasons = [f"{each['at'][-1]}: {each['message']}" for each in failure.details]
    await socket.accept()
    await socket.close(4000 + failure.status, reasons[0][:_LONGEST_REASON])


async def _handle(request: Request, problem: Exception) -> JSONResponse:
    failure = failure_of(problem)
    # What a node's service refuses is no failure of the server; nor is its stop.
    is_ours = not isinstance(problem, NodeError | ServerStops)
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR and is_ours:
        log.error("Request %s failed.", _request_id(request), exc_info=problem)
    return error_response(request, failure)


def failure_of(problem: BaseException) -> HttpError:
    """Return the status, code, message and details with which clients see a problem."""
    if isinstance(problem, RequestValidationError | WebSocketRequestValidationError):
        return _of_shape(problem)
    if isinstance(problem, NodeError):
        return _of_service(problem)
    if isinstance(problem, HTTPException):
        return _of_framework(problem)
    return _of_class(problem)


def _of_shape(problem: ValidationException) -> HttpError:
    errors = problem.errors()
    details = [
        {
            "at": list(map(str, each["loc"])),
            "message": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in errors
    ]
    unknown = [str(each["msg"]) for each in errors if each["type"] == UNKNOWN_FIELD]
    message = unknown[0] if unknown else "The request is not valid."
    return HttpError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", message, details)


def _of_class(problem: BaseException) -> HttpError:
    kind = next(each for each in type(problem).__mro__ if each in _ERRORS or each in _HIDDEN)
    if kind in _HIDDEN:
        kind, problem = _HIDDEN[kind], _HIDDEN[kind]()
    status, code = _ERRORS[kind]
    message = str(problem) or sentence_of(kind)
    own, after = (problem.code, problem.retry_after) if isinstance(problem, Refused) else ("", None)
    parameter = problem.parameter if isinstance(problem, Unsupported) else None
    return HttpError(status, code or own, message, _details_of(problem), after, parameter)


def _details_of(problem: BaseException) -> Sequence[Any]:
    if isinstance(problem, DefinitionRefused | EnvironmentNotReady):
        return [diagnostic.as_json() for diagnostic in problem.diagnostics]
    return problem.details if isinstance(problem, Refused) else ()


def _of_service(problem: NodeError) -> HttpError:
    """A service that nodes use, such as the collections, refuses a request or is down."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if problem.code == "no-such-collection":
        status = HTTPStatus.NOT_FOUND
    elif problem.kind is not None or problem.code in _MAY_PASS:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    return HttpError(status, problem.code, str(problem))


def _of_framework(problem: HTTPException) -> HttpError:
    # FastAPI wraps what is raised while it reads a body.
    if isinstance(problem.__cause__, Refused):
        return failure_of(problem.__cause__)
    phrase = HTTPStatus(problem.status_code).phrase
    return HttpError(problem.status_code, phrase.lower().replace(" ", "-"), f"{phrase}.")


def error_response(request: HTTPConnection, failure: HttpError) -> JSONResponse:
    """Return an error in the one form, or in that of the OpenAI API below its path."""
    failure = _without_secrets(request, failure)
    if request.url.path.startswith(OPENAI):
        answer, status = openai_error(failure)
        return _answer(answer, status, failure.retry_after)
    body = ErrorBody(
        code=failure.code,
        message=failure.message,
        details=list(failure.details),
        request_id=_request_id(request),
    )
    return _answer({"error": body.model_dump()}, failure.status, failure.retry_after)


def _without_secrets(request: HTTPConnection, failure: HttpError) -> HttpError:
    """Return an error without the secrets of the caller's tenant: others stay unknown to it."""
    caller = caller_of(request.scope)
    if caller is None:
        return failure
    redactor = request.app.state.process.tenants.of(caller.tenant).services.known.redactor
    message, details = redactor.json([failure.message, list(failure.details)])
    return failure._replace(message=message, details=details)


def _answer(body: Any, status: int, seconds: int | None) -> JSONResponse:
    headers = {"retry-after": str(seconds or RETRY_SECONDS)} if status in _PASSING else {}
    headers |= _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(body, status, headers)


def _request_id(request: HTTPConnection) -> str | None:
    request_id: str | None = request.scope.get("flowc.request_id")
    return request_id
