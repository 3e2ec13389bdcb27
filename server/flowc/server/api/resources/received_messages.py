"""Routes where the messages of other services arrive, which start workflows."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from flowc.rag.ingestion.items import digest_of_file
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.api.admission import count_failure, rates_of
from flowc.server.api.current_tenant import CurrentProcess
from flowc.server.api.errors import RESPONSES, UNAUTHORIZED
from flowc.server.api.resources.files import file_name
from flowc.server.api.resources.webhooks import HOOKS, OF_TENANT, WebhookMethod
from flowc.server.api.strict_requests import StrictRoute, strict_json
from flowc.server.process.process import Process
from flowc.server.process.tenants import Tenant
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.triggers.messages import MessageReader, SentFile
from flowc.server.triggers.senders import SentMessage, SignatureRefused
from flowc.server.triggers.webhooks import ReceivedMessage, RespondedRun

router = APIRouter(tags=["webhooks"], route_class=StrictRoute, responses=RESPONSES)
# Without the base of the API, and by every method.
hooks = APIRouter(route_class=StrictRoute, include_in_schema=False)

# What arrives here is only tried, and starts nothing.
_TRIED = "/hooks-test"
# Where pages of any site may send messages.
OPEN_PATHS = (f"{HOOKS}/", f"{_TRIED}/")
# The page of an answer is of no site: it cannot read what the server's own pages may.
_ALONE = "sandbox allow-forms allow-popups allow-scripts"
_METHODS: list[WebhookMethod] = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MessagePath = Annotated[
    str,
    Path(
        max_length=200,
        description="Path of the webhook; for one of another tenant than `default`,"
        " `~TENANT/PATH`.",
    ),
]


class WebhookReceipt(BaseModel):
    """The run that a message started; a repeated message gets the same run."""

    run_id: str


class TriedMessage(BaseModel):
    """A message that was only tried: what it would have started."""

    workflow_id: str
    input: Any
    handshake: str | None
    message_id: str | None


@router.post(
    "/webhooks/{path:path}",
    status_code=HTTPStatus.ACCEPTED,
    response_model=WebhookReceipt,
    responses=UNAUTHORIZED,
)
async def receive_webhook(path: MessagePath, request: Request, process: CurrentProcess) -> Response:
    """Start the webhook's workflow with a message of another service.

    The message is verified as the webhook's `verification` says. This is the same as `POST
    /hooks/{path}`, where other methods can be used, too.
    """
    tenant, received = await _received(path, request, process)
    if received.handshake is not None:
        return Response(received.handshake, media_type="text/plain")
    return _answer(await tenant.webhooks.begin(received), received.webhook.response)


@hooks.api_route(f"{_TRIED}/{{path:path}}", methods=[*_METHODS], name="try_webhook")
async def try_webhook(path: MessagePath, request: Request, process: CurrentProcess) -> Response:
    """Verify and read a message, and answer with what it would have started."""
    _, received = await _received(path, request, process)
    webhook = received.webhook
    tried = TriedMessage(
        workflow_id=webhook.workflow_id,
        input=received.input,
        handshake=received.handshake,
        message_id=received.id,
    )
    return JSONResponse(tried.model_dump())


hooks.add_api_route(
    f"{HOOKS}/{{path:path}}", receive_webhook, methods=[*_METHODS], name="receive_webhook_at_hooks"
)


async def _received(
    path: str, request: Request, process: Process
) -> tuple[Tenant, ReceivedMessage]:
    name, own = DEFAULT_TENANT, path
    if path.startswith(OF_TENANT):
        name, _, own = path.removeprefix(OF_TENANT).partition("/")
    tenant = await process.tenants.receiving(name, own)
    message = SentMessage(
        request.method,
        str(request.url),
        request.query_params.multi_items(),
        dict(request.headers),
        await request.body(),
    )

    async def count() -> None:
        """Count a message that is verified: it starts a run of its tenant."""
        await rates_of(request).count_start(name)

    try:
        return tenant, await tenant.webhooks.read(own, message, _reader(tenant, request), count)
    except SignatureRefused:
        await count_failure(request)
        raise


def _reader(tenant: Tenant, request: Request) -> MessageReader:
    async def parts() -> Sequence[tuple[str, str | SentFile]]:
        form = await request.form(max_files=50, max_fields=1_000)
        return [(name, await _part(value)) for name, value in form.multi_items()]

    async def store(file: SentFile) -> dict[str, Any]:
        digest = await asyncio.to_thread(digest_of_file, file.content)
        info = await tenant.files.add(file.content, file.name, file.media_type, digest)
        return {
            "id": info.id, "name": info.name, "media_type": info.media_type, "size": info.size
        }  # fmt: skip

    return MessageReader(strict_json, parts, store)


async def _part(value: str | UploadFile) -> str | SentFile:
    if isinstance(value, str):
        return value
    media_type = (value.content_type or "application/octet-stream")[:255]
    return SentFile(file_name(value.filename), media_type, value.file)


def _answer(done: RespondedRun, response: str) -> Response:
    run, answer = done
    headers = {"x-flowc-run-id": run.id}
    if answer is not None:
        return _of_node(answer, headers)
    if response == "accepted" or run.status not in ENDED:
        return JSONResponse({"run_id": run.id}, HTTPStatus.ACCEPTED, headers)
    return _outcome(run, headers)


def _of_node(answer: Any, headers: dict[str, str]) -> Response:
    """Return what a `respond` node says: a text as it is, everything else as JSON."""
    body, status = answer["body"], answer["status"]
    given = {name.lower(): text for name, text in answer["headers"].items()}
    # The length is that of the body, and a cookie of ours is not the workflow's to set.
    every = {**given, **headers, "content-security-policy": _ALONE}
    for name in ("content-length", "transfer-encoding", "connection", "set-cookie"):
        every.pop(name, None)
    if body is None or status in {204, 304}:
        return Response(None, status, every)
    if isinstance(body, str):
        every.setdefault("content-type", "text/plain; charset=utf-8")
        return Response(body, status, every)
    return JSONResponse(body, status, every)


def _outcome(run: RunRecord, headers: dict[str, str]) -> Response:
    if run.status == "completed":
        return JSONResponse(run.output, headers=headers)
    error = {"run_id": run.id, "error": run.error}
    return JSONResponse(error, HTTPStatus.INTERNAL_SERVER_ERROR, headers)
