"""Pages of other sites cannot use the server through a person's browser."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from fakes.processes import serving
from fakes.raw_http import ask, open_socket
from fakes.runs_api import API, begin, pause

FOREIGN = "http://evil.example"
APP = "https://app.example"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
MCP_HEADERS = {"accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    env = {"FLOWC_ALLOWED_HOSTS": "flowc.example", "FLOWC_CORS_ORIGINS": APP}
    with serving(tmp_path_factory.mktemp("edge") / "d", env) as (client, _):
        yield client


def initialize(api: httpx.Client, **headers: str) -> httpx.Response:
    return api.post("/mcp", json=INITIALIZE, headers={**MCP_HEADERS, **headers})


def own_origin(api: httpx.Client) -> str:
    return str(api.base_url).rstrip("/")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "a b",
    ],
)
@pytest.mark.parametrize("path", ["/ping", "/health", f"{API}/workflows", "/mcp", "/v1/models"])
def test_another_host_is_refused(api: httpx.Client, host: str, path: str) -> None:
    answer = api.get(path, headers={"host": host})
    assert answer.status_code == 421
    error = answer.json()["error"]
    assert (error["code"], "FLOWC_ALLOWED_HOSTS" in error["message"]) == ("host-refused", True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "LOCALHOST:1", "[::1]:8000", "localhost.", "flowc.example:443"]
)
def test_names_of_this_machine_and_of_the_setting_are_answered(
    api: httpx.Client, host: str
) -> None:
    assert api.get("/ping", headers={"host": host}).status_code == 200


def test_two_hosts_and_none_are_refused(api: httpx.Client) -> None:
    asked = (
        b"GET /ping HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n"
    )
    assert ask(api, asked).startswith(b"HTTP/1.1 421 ")
    without = b"GET /ping HTTP/1.0\r\n\r\n"
    assert ask(api, without).startswith(b"HTTP/1.1 421 ")


def test_a_refused_host_has_an_id_and_the_form_of_errors(api: httpx.Client) -> None:
    answer = api.get("/ping", headers={"host": "evil.example", "x-request-id": "mine"})
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": FOREIGN},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "file://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"origin": FOREIGN, "sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(api: httpx.Client, headers: dict[str, str]) -> None:
    body = {"id": "made", "definition": {"nodes": [pause("a")]}}
    for method, path in (("POST", "workflows"), ("PUT", "workflows/made"), ("DELETE", "runs/x")):
        answer = api.request(method, f"{API}/{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin-refused")
    assert api.get(f"{API}/workflows/made").status_code == 404


def test_a_page_cannot_upload_a_file(api: httpx.Client) -> None:
    sent = api.post(f"{API}/files", files={"file": ("a.txt", b"a")}, headers={"origin": FOREIGN})
    assert sent.status_code == 403


def test_the_servers_own_pages_and_programs_may_write(api: httpx.Client) -> None:
    body = {"definition": {"nodes": [pause("a")]}}
    own = {"origin": own_origin(api), "sec-fetch-site": "same-origin"}
    for headers in (own, {}, {"sec-fetch-site": "none"}):
        answer = api.post(f"{API}/workflows/execute", json=body, headers=headers)
        assert answer.status_code == 200


def test_behind_a_proxy_with_tls_the_own_origin_has_the_proxys_name(api: httpx.Client) -> None:
    headers = {"host": "flowc.example", "origin": "https://flowc.example"}
    body = {"definition": {"nodes": [pause("a")]}}
    assert api.post(f"{API}/workflows/execute", json=body, headers=headers).status_code == 200


def test_reading_by_another_site_is_left_to_the_browser(api: httpx.Client) -> None:
    answer = api.get(f"{API}/workflows", headers={"origin": FOREIGN})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_sites_of_the_setting_may_read_and_write(api: httpx.Client) -> None:
    asked = {
        "origin": APP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    allowed = api.options(f"{API}/workflows/execute", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == APP
    refused = api.options(f"{API}/workflows/execute", headers={**asked, "origin": FOREIGN})
    assert "access-control-allow-origin" not in refused.headers
    body = {"definition": {"nodes": [pause("a")]}}
    headers = {"origin": APP, "sec-fetch-site": "cross-site"}
    done = api.post(f"{API}/workflows/execute", json=body, headers=headers)
    assert (done.status_code, done.headers["access-control-allow-origin"]) == (200, APP)


def test_sockets_are_refused_to_pages_of_other_sites(api: httpx.Client) -> None:
    run = begin(api, [pause("a")])
    url = own_origin(api).replace("http", "ws", 1) + f"{API}/runs/{run['id']}/ws"
    for headers, status in (({"origin": FOREIGN}, 403), ({"origin": "null"}, 403)):
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
            pass
        answer = refused.value.response
        assert answer.status_code == status
        assert json.loads(answer.body or b"")["error"]["code"] == "origin-refused"
    for origin in (own_origin(api), APP):
        with connect(url, additional_headers={"origin": origin}) as socket:
            assert json.loads(socket.recv())["number"] == 1


def test_sockets_are_refused_to_other_hosts(api: httpx.Client) -> None:
    url = f"ws://evil.example{API}/runs/x/ws"
    with pytest.raises(InvalidStatus) as refused, connect(url, sock=open_socket(api)):
        pass
    assert refused.value.response.status_code == 421


def test_mcp_looks_at_the_origin_of_every_request(api: httpx.Client) -> None:
    assert api.get("/mcp", headers={"origin": FOREIGN}).status_code == 403
    assert initialize(api, origin=FOREIGN).status_code == 403
    for headers in ({}, {"origin": own_origin(api)}, {"origin": APP}):
        assert initialize(api, **headers).status_code == 200


def test_the_library_of_mcp_has_the_same_rules() -> None:
    from flowc.server.api.protocols.mcp.workflow_tools import transport_security
    from flowc.server.settings import Settings

    rules = transport_security(Settings(allowed_hosts=["flowc.example"], cors_origins=[APP]))
    assert rules.enable_dns_rebinding_protection
    assert {"localhost", "[::1]:*", "flowc.example"} <= set(rules.allowed_hosts)
    assert {APP, "https://flowc.example", "http://localhost:*"} <= set(rules.allowed_origins)
    assert not transport_security(Settings(allowed_hosts=["*"])).enable_dns_rebinding_protection


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ping"),
        ("GET", f"{API}/workflows"),
        ("GET", f"{API}/runs/none"),
        ("GET", "/nowhere"),
        ("POST", f"{API}/workflows"),
        ("OPTIONS", "/ping"),
        ("GET", f"{API}/openapi.json"),
    ],
)
def test_every_answer_has_security_headers(api: httpx.Client, method: str, path: str) -> None:
    require_headers(api.request(method, path).headers)


def test_refusals_have_security_headers_too(api: httpx.Client) -> None:
    require_headers(api.get("/ping", headers={"host": "evil.example"}).headers)
    require_headers(api.post(f"{API}/runs", headers={"origin": FOREIGN}).headers)
    require_headers(api.post("/mcp", content=b"{").headers)


def require_headers(headers: Any) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"].startswith("no-")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


def test_headers_that_an_answer_sets_stay(api: httpx.Client) -> None:
    run = begin(api, [pause("a")])
    stream = api.get(f"{API}/runs/{run['id']}/events")
    assert stream.headers.get_list("cache-control") == ["no-store"]


def test_the_page_that_shows_the_api_may_load_what_it_needs(api: httpx.Client) -> None:
    page = api.get(f"{API}/docs")
    policy = page.headers["content-security-policy"]
    assert page.headers.get_list("content-security-policy") == [policy]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "connect-src 'self'" in policy
    # It needs no other server.
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/"), address
        assert api.get(address).status_code == 200, address
    assert "http" not in page.text.replace("https://", "http://").split("<script>")[0]


def test_the_root_leads_to_the_pages_for_people(api: httpx.Client) -> None:
    answer = api.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/ui/workflows")


def test_behind_a_proxy_with_tls_browsers_get_the_order_to_stay_with_it(api: httpx.Client) -> None:
    answer = api.get("/ping", headers={"x-forwarded-proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
