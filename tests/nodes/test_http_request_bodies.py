"""What an `http` node sends: forms, parts with uploads, lines, queries, and addresses."""

import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fakes.calls import call_http, run_http
from fakes.flows import compiled
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.calls.bodies import MAX_SENT
from flowc.nodes.services.files import HeldFiles

FORM = "application/x-www-form-urlencoded"
TOKEN = {"grant_type": "client_credentials", "scope": "a b&c=ü"}


def echo(request: Request) -> Reply:
    return reply_json({"path": request.path})


def parts_of(request: Request) -> list[EmailMessage]:
    """Read a body of parts as an independent reader does."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


async def sent(**config: Any) -> Request:
    with serving(echo) as server:
        await call_http(server, config.pop("given", None), method="POST", **config)
    return server.requests[-1]


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"content-type": FORM}},
        {"headers": {"Content-Type": f"{FORM}; charset=utf-8"}},
        {"body_type": "form"},
    ],
)
async def test_an_object_is_sent_as_a_form_if_its_type_says_so(how: dict[str, Any]) -> None:
    request = await sent(body=TOKEN, **how)
    assert request.body == b"grant_type=client_credentials&scope=a+b%26c%3D%C3%BC"
    assert request.headers["content-type"].startswith(FORM)


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        ({"a": "1 2", "b": "+&=%"}, [("a", "1 2"), ("b", "+&=%")]),
        ({"on": True, "n": 3, "none": None, "empty": ""}, [("on", "true"), ("n", "3"), ("empty", "")]),
        ({"to": ["a", "b"]}, [("to", "a"), ("to", "b")]),
        ({"card": {"number": 4242, "cvc": "1"}}, [("card[number]", "4242"), ("card[cvc]", "1")]),
        (
            {"items": [{"price": "p1", "n": 1}, {"price": "p2"}]},
            [("items[0][price]", "p1"), ("items[0][n]", "1"), ("items[1][price]", "p2")],
        ),
        ({"näme": "日本"}, [("näme", "日本")]),
        ({}, []),
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
    ],
)  # fmt: skip
async def test_a_form_has_a_pair_for_each_value(body: Any, pairs: list[tuple[str, str]]) -> None:
    request = await sent(body=body, body_type="form")
    assert parse_qsl(request.body.decode(), keep_blank_values=True) == pairs
    assert request.headers["content-type"] == FORM


@pytest.mark.parametrize(
    ("arrays", "query"),
    [
        ("repeat", "tag=a&tag=b&n=1"),
        ("brackets", "tag%5B%5D=a&tag%5B%5D=b&n=1"),
        ("indices", "tag%5B0%5D=a&tag%5B1%5D=b&n=1"),
        ("comma", "tag=a%2Cb&n=1"),
    ],
)
async def test_lists_in_a_query_and_in_a_form_are_written_as_the_service_wants(
    arrays: str, query: str
) -> None:
    values = {"tag": ["a", "b"], "n": 1, "no": None, "none": []}
    request = await sent(query=values, body=values, body_type="form", arrays=arrays)
    assert (request.path, request.body.decode()) == (f"/?{query}", query)


async def test_parts_are_values_and_uploads() -> None:
    files = HeldFiles()
    upload = await files.add_content(b"%PDF-1.7 \xff\x00", "räport.pdf", "application/pdf")
    with serving(echo) as server:
        await call_http(
            server,
            {"file": upload.id, "name": "Ann"},
            files=files,
            method="POST",
            body_type="multipart",
            body={
                "name": "{{input.name}}",
                "n": 3,
                "tags": ["a", "b"],
                "meta": {"a": 1},
                "left_out": None,
                "doc": {"file": "{{input.file}}"},
                "renamed": {"file": "{{input.file}}", "name": "x.bin", "media_type": "a/b"},
                "csv": {"content": "a,b\r\n1,2", "name": 'a".csv'},
            },
        )
    found = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type() if part["content-type"] else None,
            part.get_payload(decode=True),
        )
        for part in parts_of(server.requests[0])
    ]
    pdf = b"%PDF-1.7 \xff\x00"
    assert found == [
        ("name", None, None, b"Ann"),
        ("n", None, None, b"3"),
        ("tags", None, None, b"a"),
        ("tags", None, None, b"b"),
        ("meta", None, "application/json", b'{"a": 1}'),
        ("doc", "räport.pdf", "application/pdf", pdf),
        ("renamed", "x.bin", "a/b", pdf),
        ("csv", "a%22.csv", "text/csv", b"a,b\r\n1,2"),
    ]


async def test_a_header_of_parts_without_a_boundary_gets_one() -> None:
    request = await sent(body={"a": "1"}, headers={"content-type": "multipart/form-data"})
    assert [part.get_payload() for part in parts_of(request)] == ["1"]


async def test_an_uploaded_file_can_be_the_whole_body() -> None:
    files = HeldFiles()
    upload = await files.add_content(b"\x89PNG\x00", "a.png", "image/png")
    with serving(echo) as server:
        about = {"file": upload.id, "name": "a.png", "media_type": "image/png", "size": 5}
        ways: list[tuple[Any, dict[str, Any]]] = [
            (upload.id, {"body_type": "file"}),
            (about, {"body_type": "file"}),
            ("{{input.about}}", {"headers": {"content-type": "image/x-icon"}}),
        ]
        for body, more in ways:
            given = {"about": about}
            await call_http(server, given, files=files, method="PUT", body=body, **more)
    assert {request.body for request in server.requests} == {b"\x89PNG\x00"}
    types = [request.headers["content-type"] for request in server.requests]
    assert types == ["image/png", "image/png", "image/x-icon"]


@pytest.mark.parametrize("how", [{"body_type": "file"}, {"body_type": "multipart"}])
async def test_a_file_that_is_not_there_is_a_failure_that_names_it(how: dict[str, Any]) -> None:
    body: Any = "gone" if how["body_type"] == "file" else {"doc": {"file": "gone"}}
    with serving(echo) as server, pytest.raises(NodeFailed, match="no uploaded file 'gone'") as e:
        await call_http(server, method="POST", body=body, **how)
    assert (e.value.code, server.requests) == ("no-such-file", [])


async def test_files_that_are_too_large_are_not_sent() -> None:
    files = HeldFiles()
    upload = await files.add_content(b"0" * (MAX_SENT // 2 + 1), "a.bin", "a/b")
    body = {"one": {"file": upload.id}, "two": {"file": upload.id}}
    with serving(echo) as server, pytest.raises(NodeFailed) as caught:
        await call_http(server, files=files, method="POST", body=body, body_type="multipart")
    assert (caught.value.code, server.requests) == ("body-too-large", [])


async def test_a_list_is_sent_as_lines_of_json() -> None:
    lines = [{"index": {}}, {"name": "é"}]
    by_header = await sent(body=lines, headers={"content-type": "application/x-ndjson"})
    by_type = await sent(body=lines, body_type="lines")
    assert by_header.body == by_type.body == '{"index": {}}\n{"name": "é"}\n'.encode()
    assert by_type.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    "kind", ["application/json", "application/vnd.api+json; v=1", "application/json; charset=utf-8"]
)
async def test_an_object_with_a_type_of_json_keeps_that_type(kind: str) -> None:
    request = await sent(body={"a": 1}, headers={"content-type": kind})
    assert (json.loads(request.body), request.headers["content-type"]) == ({"a": 1}, kind)


@pytest.mark.parametrize(
    "config",
    [
        {"body": {"a": 1}, "headers": {"content-type": "application/xml"}},
        {"body": [1, 2], "headers": {"Content-Type": "text/csv"}},
        {"body": [1, 2], "body_type": "form"},
        {"body": [1, 2], "headers": {"content-type": FORM}},
        {"body": {"a": 1}, "body_type": "file"},
        {"body": {"a": 1}, "body_type": "lines"},
        {"body": {"a": 1}, "graphql": "{ me }"},
        {"body_type": "yaml"},
        {"arrays": "php"},
    ],
)
def test_a_body_that_its_type_does_not_fit_is_refused_before_the_run(config: Any) -> None:
    node = {"id": "a", "type": "http", "config": {"url": "https://a.test/", **config}}
    with pytest.raises(DefinitionRefused) as caught:
        compiled({"nodes": [node]})
    assert {each.code for each in caught.value.diagnostics} == {"invalid-value"}


async def test_a_computed_body_that_its_type_does_not_fit_fails_the_node() -> None:
    with serving(echo) as server, pytest.raises(NodeFailed) as caught:
        headers = {"content-type": "application/xml"}
        await call_http(server, {"x": {"a": 1}}, method="POST", body="{{input.x}}", headers=headers)
    # The node type refuses it once its values are filled in.
    assert (caught.value.code, server.requests) == ("invalid-configuration", [])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b", "/files/a%20b"),
        ("a/b", "/files/a%2Fb"),
        ("ü?#&%", "/files/%C3%BC%3F%23%26%25"),
        ("plain-1.txt", "/files/plain-1.txt"),
    ],
)
async def test_a_value_is_encoded_as_one_part_of_a_path(name: str, path: str) -> None:
    with serving(echo) as server:
        await call_http(server, {"name": name}, path="/files/{{input.name | urlencode('')}}")
    assert server.requests[0].path == path


async def test_a_space_in_an_address_is_refused_with_how_to_encode_it() -> None:
    with serving(echo) as server, pytest.raises(NodeFailed) as caught:
        await call_http(server, {"name": "a b"}, path="/{{input.name}}")
    assert caught.value.evidence.hint is not None
    assert "urlencode" in caught.value.evidence.hint


@pytest.mark.parametrize(
    "name", ["..", "../admin", "%2e%2e", ".", "a/../../b", "%252e%252E", "..;x"]
)
async def test_a_value_cannot_lead_the_call_to_another_path(name: str) -> None:
    with serving(echo) as server, pytest.raises(NodeFailed, match="part of its path") as caught:
        await call_http(server, {"name": name}, path="/users/{{input.name}}/keys")
    assert (caught.value.code, server.requests) == ("egress-denied", [])


async def test_a_downloaded_file_is_sent_on_by_its_id() -> None:
    def answer(request: Request) -> Reply:
        if request.method == "POST":
            return reply_json({"ok": True})
        headers = {
            "content-type": "application/pdf",
            "content-disposition": "inline; filename=a.pdf",
        }
        return Reply(200, b"%PDF\x00\xff", headers)

    with serving(answer) as server:
        workflow = {
            "nodes": [
                {"id": "get", "type": "http", "config": {"url": server.url}},
                {
                    "id": "put",
                    "type": "http",
                    "config": {
                        "url": server.url,
                        "method": "POST",
                        "body_type": "multipart",
                        "body": {"doc": "{{get.output.body}}"},
                    },
                },
            ],
            "edges": [{"source": "get", "target": "put"}],
        }
        await run_http(workflow)
    [part] = parts_of(server.requests[-1])
    assert (part.get_filename(), part.get_payload(decode=True)) == ("a.pdf", b"%PDF\x00\xff")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("form", "`body_type: form`"),
        ("formData", "`body_type: multipart`"),
        ("files", "`{file: ID}`"),
        ("params", "`query`"),
        ("json", "`body`"),
        ("data", "`body`"),
        ("authentication", "`auth`"),
        ("verify_ssl", "FLOWC_CA_FILE"),
        ("rejectUnauthorized", "FLOWC_CA_FILE"),
        ("follow_redirects", "max_redirects"),
        ("cookie_jar", "keep_cookies"),
        ("responseFormat", "`read_as`"),
    ],
)
def test_a_key_of_another_tool_has_a_hint(key: str, hint: str) -> None:
    node = {"id": "a", "type": "http", "config": {"url": "https://a.test/", key: {}}}
    with pytest.raises(DefinitionRefused) as caught:
        compiled({"nodes": [node]})
    [found] = caught.value.diagnostics
    assert (found.code, hint in (found.hint or "")) == ("unknown-key", True), found.hint
