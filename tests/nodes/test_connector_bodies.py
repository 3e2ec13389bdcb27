"""Operations whose bodies are no JSON, parameters in every style, and answers that are files."""

import email
import email.policy
from typing import Any

import pytest

from fakes.calls import run_http
from fakes.flows import compiled
from fakes.loopback import Reply, Request, Server, reply_json, serving
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.nodes.services.files import HeldFiles

TEXT = {"type": "string"}


def document(server: str, body: Any = None, parameters: Any = (), version: str = "3.1.0") -> Any:
    operation: dict[str, Any] = {
        "operationId": "call", "parameters": list(parameters), "responses": {"200": {}},
    }  # fmt: skip
    if body is not None:
        content = {media: {"schema": schema} for media, schema in body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    about = {"openapi": version, "info": {"title": "T", "version": "1"}}
    return {**about, "servers": [{"url": server}], "paths": {"/it": {"post": operation}}}


async def called(
    server: Server, arguments: Any, files: HeldFiles | None = None, **about: Any
) -> Request:
    config = {"document": document(server.url, **about), "operation": "call"}
    node = {"id": "c", "type": "connector", "config": {**config, "arguments": arguments}}
    await run_http({"nodes": [node]}, {"n": 1}, files=files)
    return server.requests[-1]


def ok(request: Request) -> Reply:
    return reply_json({})


async def test_a_body_is_a_form_if_the_document_says_so() -> None:
    fields = {"to": TEXT, "tags": {"type": "array", "items": TEXT}}
    body = {"application/x-www-form-urlencoded": {"type": "object", "properties": fields}}
    with serving(ok) as server:
        request = await called(server, {"to": "a b", "tags": ["x", "y"]}, body=body)
    assert request.body == b"to=a+b&tags=x&tags=y"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("version", "binary"),
    [
        ("3.0.3", {"type": "string", "format": "binary"}),
        ("3.1.0", {"type": "string", "contentMediaType": "application/octet-stream"}),
    ],
)
async def test_binary_parts_are_uploads(version: str, binary: Any) -> None:
    files = HeldFiles()
    upload = await files.add_content(b"\x00\xff", "a.bin", "application/x-a")
    more = {"type": "array", "items": binary}
    fields = {"title": TEXT, "doc": binary, "more": more}
    body = {"multipart/form-data": {"type": "object", "properties": fields}}
    arguments = {"title": "T", "doc": upload.id, "more": [upload.id, {"file": upload.id}]}
    with serving(ok) as server:
        request = await called(server, arguments, files, body=body, version=version)
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    found = [(part.get_filename(), part.get_payload(decode=True)) for part in message.iter_parts()]
    assert found == [(None, b"T"), *[("a.bin", b"\x00\xff")] * 3]


async def test_a_whole_body_is_a_file_or_a_text() -> None:
    files = HeldFiles()
    upload = await files.add_content(b"\x89PNG", "a.png", "image/png")
    with serving(ok) as server:
        picture = {"body": {"image/png": {"type": "string", "format": "binary"}}}
        request = await called(server, {"body": upload.id}, files, **picture)
        assert (request.body, request.headers["content-type"]) == (b"\x89PNG", "image/png")
        request = await called(server, {"body": "<a/>"}, body={"application/xml": TEXT})
        assert (request.body, request.headers["content-type"]) == (b"<a/>", "application/xml")


async def test_json_is_sent_under_the_media_type_of_the_document() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    both = {"multipart/form-data": schema, "application/vnd.api+json": schema}
    with serving(ok) as server:
        request = await called(server, {"n": 1}, body=both)
    assert (request.json, request.headers["content-type"]) == ({"n": 1}, "application/vnd.api+json")


def query(**style: Any) -> list[dict[str, Any]]:
    return [
        {"name": "q", "in": "query", **({"schema": {}} if "content" not in style else {}), **style}
    ]


@pytest.mark.parametrize(
    ("style", "value", "sent"),
    [
        ({}, ["a", "b"], "q=a&q=b"),
        ({"explode": False}, ["a", "b"], "q=a%2Cb"),
        ({"style": "pipeDelimited"}, ["a", "b"], "q=a%7Cb"),
        ({"style": "spaceDelimited", "explode": False}, ["a", "b"], "q=a+b"),
        ({"style": "deepObject", "explode": True}, {"x": 1, "y": "z"}, "q%5Bx%5D=1&q%5By%5D=z"),
        ({}, {"x": 1, "y": 2}, "x=1&y=2"),
        ({"explode": False}, {"x": 1, "y": 2}, "q=x%2C1%2Cy%2C2"),
        (
            {"content": {"application/json": {"schema": {}}}},
            {"x": [1]},
            "q=%7B%22x%22%3A+%5B1%5D%7D",
        ),
        ({}, True, "q=true"),
        ({}, "a&b", "q=a%26b"),
    ],
)
async def test_a_query_is_written_in_the_style_of_the_document(
    style: Any, value: Any, sent: str
) -> None:
    with serving(ok) as server:
        request = await called(server, {"q": value}, parameters=query(**style))
    assert request.path == f"/it?{sent}"


def test_a_field_that_does_not_fit_is_refused_before_the_run() -> None:
    fields = {"doc": {"type": "string", "format": "binary"}}
    body = {"multipart/form-data": {"type": "object", "properties": fields}}
    config = {"document": document("https://a.test", body), "operation": "call"}
    for arguments in ({"doc": 7}, {"dok": "f3a"}, {"doc": {"id": "f3a"}}):
        node = {"id": "c", "type": "connector", "config": {**config, "arguments": arguments}}
        with pytest.raises(DefinitionRefused):
            compiled({"nodes": [node]})


async def test_a_binary_answer_of_an_operation_is_an_upload() -> None:
    files = HeldFiles()
    with serving(
        lambda request: Reply(200, b"%PDF\xff", {"content-type": "application/pdf"})
    ) as server:
        config = {"document": document(server.url), "operation": "call"}
        ran = await run_http(
            {"nodes": [{"id": "c", "type": "connector", "config": config}]}, files=files
        )
    with await files.open(ran.output["body"]["file"]) as file:
        assert file.read() == b"%PDF\xff"


async def test_an_operation_is_called_with_a_token_that_is_issued_for_it() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/token":
            return reply_json({"access_token": "abc-123456"})
        return reply_json({"sent": request.headers["authorization"]})

    with serving(answer) as server:
        auth = {
            "type": "oauth2", "token_url": f"{server.url}/token", "client_id": "a",
            "client_secret": "{{secrets.s}}",
        }  # fmt: skip
        config = {"document": document(server.url), "operation": "call", "auth": auth}
        node = {"id": "c", "type": "connector", "config": config}
        ran = await run_http({"nodes": [node]}, secrets={"s": "sesame-42"})
        assert server.requests[-1].headers["authorization"] == "Bearer abc-123456"
    assert ran.output["body"] == {"sent": "Bearer [secret]"}


async def test_a_scheme_of_digests_gets_one() -> None:
    def answer(request: Request) -> Reply:
        given = request.headers.get("authorization")
        if given is None:
            return Reply(401, b"", {"www-authenticate": 'Digest realm="r", nonce="n", qop="auth"'})
        return reply_json({"is_digest": given.startswith('Digest username="ann"')})

    with serving(answer) as server:
        described = document(server.url)
        described["components"] = {"securitySchemes": {"d": {"type": "http", "scheme": "digest"}}}
        described["security"] = [{"d": []}]
        config = {"document": described, "operation": "call", "credential": "ann:{{secrets.s}}"}
        node = {"id": "c", "type": "connector", "config": config}
        ran = await run_http({"nodes": [node]}, secrets={"s": "sesame-42"})
    assert ran.output["body"] == {"is_digest": True}
