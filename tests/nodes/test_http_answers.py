"""What an `http` node makes of a response: JSON, texts, files, lists, cookies, redirects."""

import gzip
import json
from typing import Any

import pytest

from fakes.calls import call_http
from fakes.loopback import Reply, Request, serving
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.files import HeldFiles

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe"


def answered(body: bytes, content_type: str | None = None, **headers: str) -> Any:
    kind = {"content-type": content_type} if content_type is not None else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: Reply(200, body, {**kind, **named})


async def body_of(body: bytes, content_type: str | None = None, **config: Any) -> Any:
    with serving(answered(body, content_type)) as server:
        return (await call_http(server, **config)).output["body"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04\x00\x00", "application/zip"),
        (PNG, "application/octet-stream"),
        (PNG, "text/plain"),
        (PNG, "text/html; charset=utf-8"),
        (PNG, None),
        (b"\xff\xd8\xff\xe0", "application/x-unknown"),
        (b"only text, but a picture", "image/jpeg"),
        (gzip.compress(b"a", mtime=0), "application/gzip"),
        (b"ID3\x03\x00", "audio/mpeg"),
        (
            b"\x1f\x8b\x08",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
async def test_a_binary_answer_is_an_upload(content: bytes, kind: str | None) -> None:
    files = HeldFiles()
    found = await body_of(content, kind, path="/docs/report%20one.bin?x=1", files=files)
    assert found["name"] == "report one.bin"
    assert found["size"] == len(content)
    assert found["media_type"] == (kind or "application/octet-stream").partition(";")[0]
    with await files.open(found["file"]) as file:
        assert file.read() == content
    assert "\ufffd" not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize(
    ("disposition", "path", "name"),
    [
        ('attachment; filename="a b.pdf"', "/x", "a b.pdf"),
        ("attachment; filename=a.pdf", "/x", "a.pdf"),
        ("attachment; filename=\"x\"; filename*=UTF-8''%C3%BC.pdf", "/x", "ü.pdf"),
        ('inline; filename="../../etc/passwd"', "/x", "passwd.pdf"),
        ('inline; filename="C:\\\\temp\\\\a.pdf"', "/x", "a.pdf"),
        ('inline; filename=""', "/", "download.pdf"),
        ("inline", "/v1/files/17", "17.pdf"),
        ("inline", "/a/", "download.pdf"),
        ("", "/%E6%97%A5.pdf", "日.pdf"),
    ],
)
async def test_a_file_has_the_name_that_the_answer_gives(
    disposition: str, path: str, name: str
) -> None:
    answer = answered(b"%PDF", "application/pdf", content_disposition=disposition)
    with serving(answer) as server:
        assert (await call_http(server, path=path)).output["body"]["name"] == name


async def test_a_host_without_a_place_for_files_says_so() -> None:
    from fakes.flows import run
    from flowc.nodes.services.egress import EgressPolicy, HttpClient

    client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
    with serving(answered(PNG, "image/png")) as server:
        node = {"id": "a", "type": "http", "config": {"url": server.url}}
        with pytest.raises(NodeFailed, match="no place for files"):
            await run({"nodes": [node]}, None, {HttpClient: client})
    await client.aclose()


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (b"caf\xe9", "text/plain; charset=ISO-8859-1", "café"),
        (b"caf\xe9 \x80", "text/plain; charset=windows-1252", "café €"),
        ("日本".encode("shift_jis"), "text/html; charset=Shift_JIS", "日本"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "text/plain", "café"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "text/csv; charset=latin-1", "café"),
        ("é,日".encode("utf-16"), "text/csv", "é,日"),
        ("é,日".encode("utf-16-be"), "text/csv; charset=utf-16be", "é,日"),
        ("é,日".encode("utf-16-le"), "text/csv; charset=utf-16", "é,日"),
        (b'<meta charset="iso-8859-1"><p>\xe9', "text/html", '<meta charset="iso-8859-1"><p>é'),
        (
            b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">\xcf',
            "text/html",
            '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">П',
        ),
        (
            b'<?xml version="1.0" encoding="ISO-8859-15"?><a>\xa4</a>',
            "application/xml",
            '<?xml version="1.0" encoding="ISO-8859-15"?><a>€</a>',
        ),
        (b'<meta charset="utf-16"><p>\xc3\xa9', "text/html", '<meta charset="utf-16"><p>é'),
        (b'<meta charset="punycode"><p>\xc3\xa9', "text/html", '<meta charset="punycode"><p>é'),
        (b"<p>caf\xe9", "text/html", "<p>café"),
        (b"caf\xc3\xa9 na\xefve", "text/plain; charset=utf-8", "café naïve"),
        (b"a: 1\n", "application/yaml", "a: 1\n"),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"a,b", "application/octet-stream", "a,b"),
        (b"abc", None, "abc"),
        (b"\x1b[31mred", "text/plain", "\x1b[31mred"),
        (b"", "text/plain", ""),
    ],
)
async def test_a_text_is_of_the_charset_that_is_named_somewhere(
    content: bytes, kind: str | None, text: str
) -> None:
    assert await body_of(content, kind) == text


async def test_a_large_text_of_utf_16_without_a_mark_is_read() -> None:
    text = "é日" * 40_000
    assert await body_of(text.encode("utf-16-le"), "text/plain; charset=utf-16") == text


@pytest.mark.parametrize(
    ("content", "kind", "value"),
    [
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b"\n [1, 2]\n", "text/plain; charset=utf-8", [1, 2]),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "text/plain", {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), "application/json", {"a": "é"}),
        ('{"a": "é"}'.encode("utf-16-le"), "application/json", {"a": "é"}),
        (b'{"a": "\xe9"}', "application/json; charset=latin-1", {"a": "é"}),
        (b'{"a": 1}', "text/json", {"a": 1}),
        (b'{"a": 1}', "application/vnd.api+json", {"a": 1}),
        (b'{"a": 1}', "application/octet-stream", {"a": 1}),
        (b'{"a": 1}', "text/javascript", {"a": 1}),
        (b'{"a": 1}', None, {"a": 1}),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b"", "application/json", None),
        (b"17", "application/json", 17),
        (b'{"a": 1}\n{"b": 2}\n', "application/json", [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n{"b": 2}', "text/plain", [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n{b', "application/json", '{"a": 1}\n{b'),
        (b"17", "text/plain", "17"),
        (b"{not json", "text/plain", "{not json"),
        (b"{not json", "application/json", "{not json"),
        (b'{"a": 1}', "text/html", '{"a": 1}'),
    ],
)
async def test_json_is_parsed_under_whatever_type_it_comes(
    content: bytes, kind: str | None, value: Any
) -> None:
    assert await body_of(content, kind) == value


NDJSON = b'{"a": 1}\n\n{"b": "\xc3\xa9"}\r\nno json\n'
SSE = (
    b": hello\n\nevent: price\ndata: {\"n\": 1}\nid: 7\n\ndata: a\ndata: b\n\n"
    b"retry: 10\n\ndata: [DONE]\r\n\r\ndata:cut"
)  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["application/x-ndjson", "application/jsonl", "application/stream+json", "text/plain"]
)
async def test_lines_of_json_are_a_list(kind: str) -> None:
    how = {"read_as": "lines"} if kind == "text/plain" else {}
    assert await body_of(NDJSON, kind, **how) == [{"a": 1}, {"b": "é"}, "no json"]
    assert await body_of(b"", kind, **how) == []


async def test_server_sent_events_are_a_list() -> None:
    assert await body_of(SSE, "text/event-stream; charset=utf-8") == [
        {"event": "price", "data": {"n": 1}, "id": "7"},
        {"event": "message", "data": "a\nb"},
        {"event": "message", "data": "[DONE]"},
        {"event": "message", "data": "cut"},
    ]
    assert await body_of(b"", "text/event-stream") == []


@pytest.mark.parametrize(
    ("read_as", "content", "kind", "value"),
    [
        ("text", b'{"a": 1}', "application/json", '{"a": 1}'),
        ("json", b'{"a": 1}', "text/html", {"a": 1}),
        ("json", b"17", "text/plain", 17),
        ("events", b"data: 1\n\n", "text/plain", [{"event": "message", "data": 1}]),
    ],
)
async def test_how_a_response_is_read_can_be_said(
    read_as: str, content: bytes, kind: str, value: Any
) -> None:
    assert await body_of(content, kind, read_as=read_as) == value


async def test_a_text_can_be_stored_as_a_file() -> None:
    found = await body_of(b'{"a": 1}', "application/json", read_as="file", path="/a.json")
    assert (found["name"], found["size"]) == ("a.json", 8)


async def test_what_must_be_json_and_is_not_fails_the_node() -> None:
    with pytest.raises(NodeFailed, match="not JSON: '<html>") as caught:
        await body_of(b"<html>", "text/html", read_as="json")
    assert caught.value.code == "response-not-json"


def setting_cookies(*cookies: str) -> Reply:
    class Several(dict[str, str]):
        def items(self) -> Any:
            return [*super().items(), *(("set-cookie", each) for each in cookies)]

    return Reply(200, b"{}", Several({"content-type": "application/json"}))


async def test_cookies_that_are_set_are_apart() -> None:
    cookies = (
        "a=1; Path=/; Expires=Wed, 21 Oct 2125 07:28:00 GMT",
        "b=x,y; HttpOnly",
        "c=; Max-Age=0",
    )
    with serving(lambda request: setting_cookies(*cookies)) as server:
        output = (await call_http(server)).output
    assert output["headers"]["set-cookie"] == list(cookies)
    assert output["cookies"] == {"a": "1", "b": "x,y"}


async def test_cookies_are_sent_by_name() -> None:
    with serving(answered(b"{}", "application/json")) as server:
        given = {"n": 1}
        await call_http(server, given, cookies={"a": "{{input.n}}", "b": "x"})
        await call_http(server, cookies={"a": "1"}, headers={"Cookie": "c=2"})
    assert [each.headers["cookie"] for each in server.requests] == ["a=1; b=x", "c=2; a=1"]


def to(location: str, status: int = 302, **headers: str) -> Reply:
    return Reply(status, b"moved", {"location": location, **headers})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_and_its_answer_is_the_output(status: int) -> None:
    def answer(request: Request) -> Reply:
        return to("/new?x=1", status) if request.path == "/" else Reply(200, b"here")

    with serving(answer) as server:
        output = (await call_http(server)).output
    assert (output["body"], output["url"]) == ("here", f"{server.url}/new?x=1")


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        (301, "GET", b""),
        (302, "GET", b""),
        (303, "GET", b""),
        (307, "POST", b"x"),
        (308, "POST", b"x"),
    ],
)
async def test_what_was_posted_is_sent_again_only_if_the_status_says_so(
    status: int, method: str, body: bytes
) -> None:
    def answer(request: Request) -> Reply:
        return to("new", status) if request.path == "/a/" else Reply()

    with serving(answer) as server:
        headers = {"x-key": "1", "content-type": "text/x"}
        await call_http(server, path="/a/", method="POST", body="x", headers=headers)
    [_, request] = server.requests
    assert (request.path, request.method, request.body) == ("/a/new", method, body)
    assert request.headers["x-key"] == "1"
    assert ("content-type" in request.headers) == bool(body)


async def test_another_origin_gets_neither_headers_nor_credentials() -> None:
    with (
        serving(lambda request: Reply(200, b"other")) as other,
        serving(lambda request: to(other.url)) as server,
    ):
        output = (
            await call_http(
                server,
                headers={"x-key": "1", "accept": "text/csv"},
                cookies={"a": "1"},
                auth={"type": "bearer", "token": "t"},
            )
        ).output
    assert output["body"] == "other"
    [request] = other.requests
    assert request.headers["accept"] == "text/csv"
    assert not {"x-key", "cookie", "authorization"} & request.headers.keys()
    assert server.requests[0].headers["authorization"] == "Bearer t"


async def test_another_origin_does_not_get_the_body() -> None:
    with (
        serving(lambda request: Reply()) as other,
        serving(lambda request: to(other.url, 307)) as server,
        pytest.raises(NodeFailed, match="would get the body") as caught,
    ):
        await call_http(server, method="POST", body={"a": 1})
    assert (caught.value.code, other.requests) == ("redirect-refused", [])


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/", "redirect-refused"),
        ("http://10.0.0.1/", "egress-denied"),
        ("http://169.254.169.254/latest/", "egress-denied"),
        ("file:///etc/passwd", "egress-denied"),
        ("http://[", "egress-denied"),
    ],
)
async def test_a_redirect_stays_within_the_guard(location: str, code: str) -> None:
    with serving(lambda request: to(location)) as server, pytest.raises(NodeFailed) as caught:
        await call_http(server)
    assert caught.value.code == code
    assert len(server.requests) == (6 if location == "/" else 1)


@pytest.mark.parametrize("status", [300, 301, 302, 307])
async def test_a_redirect_that_is_not_followed_is_no_success(status: int) -> None:
    with serving(lambda request: Reply(status, b"see there")) as server:
        with pytest.raises(NodeFailed, match=str(status)) as caught:
            await call_http(server)
        found = await call_http(server, raise_for_status=False)
    assert (caught.value.code, found.output["status_code"]) == ("http-status", status)


async def test_an_answer_that_nothing_was_modified_is_a_success() -> None:
    with serving(lambda request: Reply(304)) as server:
        output = (await call_http(server, headers={"if-none-match": "a"})).output
    assert (output["status_code"], output["body"]) == (304, "")
