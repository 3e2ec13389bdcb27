"""How an `http` node shows who calls: passwords, tokens, digests, signatures."""

import asyncio
import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from fakes.calls import LOOPBACK, call_http, run_http
from fakes.flows import compiled, run
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import HttpClient
from flowc.nodes.services.egress.aws_signatures import signature_headers
from flowc.nodes.services.egress.credentials import AwsKey, WhoCalls

# What Amazon's documentation and test suite sign with.
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = {"host": "example.amazonaws.com"}


def echo(request: Request) -> Reply:
    return reply_json({"sent": request.headers.get("authorization")})


def node(url: str, **config: Any) -> dict[str, Any]:
    return {"nodes": [{"id": "call", "type": "http", "config": {"url": url, **config}}]}


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"type": "basic", "username": "ann", "password": "pä:ss"}, "Basic YW5uOnDDpDpzcw=="),
        ({"type": "basic", "username": "key"}, "Basic a2V5Og=="),
        ({"type": "bearer", "token": "t-1"}, "Bearer t-1"),
    ],
)
async def test_a_password_or_a_token_is_sent(auth: Any, sent: str) -> None:
    with serving(echo) as server:
        assert (await call_http(server, auth=auth)).output["body"] == {"sent": sent}


async def test_a_password_from_a_secret_is_in_no_output_and_no_event() -> None:
    auth = {"type": "basic", "username": "ann", "password": "{{secrets.pass}}"}
    with serving(echo) as server:
        ran = await run_http(node(server.url, auth=auth), secrets={"pass": "sesame-42"})
        header = server.requests[0].headers["authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")) == b"ann:sesame-42"
    shown = json.dumps([ran.output, [event.data for event in ran.events]])
    assert "sesame" not in shown
    assert header.removeprefix("Basic ") not in shown


def digest(request: Request, algorithm: str = "MD5", password: str = "open") -> Reply:
    """Answer as a service that asks for a digest, and checks it by its own reckoning."""
    given = request.headers.get("authorization", "")
    if not given:
        challenge = f'Digest realm="r", nonce="n1", qop="auth", algorithm={algorithm}, opaque="o"'
        return Reply(401, b"x" * 10_000, {"www-authenticate": challenge})
    found = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
    make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def h(text: str) -> str:
        return make(text.encode()).hexdigest()

    one, two = h(f"ann:r:{password}"), h(f"{request.method}:{request.path}")
    wanted = h(f"{one}:n1:{found['nc']}:{found['cnonce']}:auth:{two}")
    is_right = (found["response"], found["opaque"]) == (wanted, "o")
    return reply_json({"body": request.body.decode()}) if is_right else Reply(401)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_digest_is_made_of_the_challenge(algorithm: str) -> None:
    auth = {"type": "digest", "username": "ann", "password": "open"}
    with serving(lambda request: digest(request, algorithm)) as server:
        ran = await call_http(server, path="/a?b=1", method="POST", body="hello", auth=auth)
        assert ran.output["body"] == {"body": "hello"}
        with pytest.raises(NodeFailed, match="401"):
            await call_http(server, auth={**auth, "password": "wrong"})
    assert len(server.requests) == 4


class TokenService:
    """A service with a token service of its own, whose tokens live a while."""

    def __init__(self, lives: Any = 3600) -> None:
        self.lives, self.valid, self.asked = lives, set[str](), list[Request]()

    def __call__(self, request: Request) -> Reply:
        if request.path == "/token":
            self.asked.append(request)
            token = f"token-{len(self.asked)}-abcdef"
            self.valid = {token}
            more = {} if self.lives is None else {"expires_in": self.lives}
            return reply_json({"access_token": token, "token_type": "bearer", **more})
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return reply_json({"you": given}, 200 if given in self.valid else 401)


def client_credentials(url: str, **more: Any) -> dict[str, Any]:
    about = {"token_url": f"{url}/token", "client_id": "me", "client_secret": "{{secrets.s}}"}
    return {"type": "oauth2", **about, **more}


async def calls(url: str, times: int, client: HttpClient, **auth: Any) -> list[Any]:
    workflow = node(url, auth=client_credentials(url, **auth))
    services = {HttpClient: client}
    return [await run(workflow, None, services, {"s": "client-sesame"}) for _ in range(times)]


async def test_a_token_is_asked_for_once_and_shown_nowhere() -> None:
    service, client = TokenService(), HttpClient(LOOPBACK)
    with serving(service) as server:
        found = await calls(server.url, 3, client, scope=["a", "b c"], audience="api")
    await client.aclose()
    [asked] = service.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"], "scope": ["a b c"], "audience": ["api"],
    }  # fmt: skip
    assert (
        asked.headers["authorization"] == f"Basic {base64.b64encode(b'me:client-sesame').decode()}"
    )
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    for ran in found:
        assert ran.output["body"] == {"you": "[secret]"}
        shown = repr([ran.output, [event.data for event in ran.events]])
        assert "token-1-abcdef" not in shown
        assert "client-sesame" not in shown


async def test_a_client_can_show_itself_in_the_form() -> None:
    service, client = TokenService(), HttpClient(LOOPBACK)
    with serving(service) as server:
        await calls(server.url, 1, client, credentials_in="body", parameters={"resource": "r"})
    await client.aclose()
    assert "authorization" not in service.asked[0].headers
    form = parse_qs(service.asked[0].body.decode())
    assert (form["client_id"], form["client_secret"], form["resource"]) == (
        ["me"], ["client-sesame"], ["r"],
    )  # fmt: skip


async def test_a_token_that_is_refused_is_asked_for_again_once() -> None:
    service, client = TokenService(), HttpClient(LOOPBACK)
    with serving(service) as server:
        await calls(server.url, 1, client)
        service.valid = set()
        await calls(server.url, 1, client)
        assert len(service.asked) == 2
    with serving(lambda r: service(r) if r.path == "/token" else Reply(401)) as server:
        with pytest.raises(NodeFailed, match="401"):
            await calls(server.url, 1, client)
        assert [request.path for request in server.requests] == ["/token", "/", "/token", "/"]
    await client.aclose()


async def test_a_token_is_not_used_beyond_its_life() -> None:
    service, client = TokenService(lives=0), HttpClient(LOOPBACK)
    with serving(service) as server:
        await calls(server.url, 2, client)
    await client.aclose()
    assert len(service.asked) == 2


async def test_other_scopes_and_secrets_have_other_tokens() -> None:
    service, client = TokenService(), HttpClient(LOOPBACK)
    with serving(service) as server:
        await calls(server.url, 1, client, scope="a")
        await calls(server.url, 1, client, scope="b")
        workflow = node(server.url, auth=client_credentials(server.url, scope="b"))
        await run(workflow, None, {HttpClient: client}, {"s": "another"})
    await client.aclose()
    assert len(service.asked) == 3


async def test_calls_at_once_share_a_token() -> None:
    service, client = TokenService(), HttpClient(LOOPBACK)
    with serving(service) as server:
        await asyncio.gather(*(calls(server.url, 1, client) for _ in range(5)))
    await client.aclose()
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (reply_json({"error": "invalid_client"}, 401), '401: {"error": "invalid_client"}'),
        (reply_json({"token": "x"}), "no access_token"),
        (Reply(200, b"<html>"), "no access_token"),
        (Reply(500), "500"),
    ],
)
async def test_a_token_service_that_refuses_is_named(reply: Reply, said: str) -> None:
    client = HttpClient(LOOPBACK)
    with serving(lambda request: reply) as server, pytest.raises(NodeFailed) as caught:
        await calls(server.url, 1, client)
    await client.aclose()
    assert (caught.value.code, said in str(caught.value)) == ("token-refused", True)


async def test_a_token_in_a_form_is_read() -> None:
    form = Reply(200, b"access_token=abc-123456&scope=", {"content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    client = HttpClient(LOOPBACK)
    with serving(lambda request: form if request.path == "/token" else echo(request)) as server:
        [ran] = await calls(server.url, 1, client)
        assert server.requests[-1].headers["authorization"] == "Bearer abc-123456"
    await client.aclose()
    assert ran.output["body"] == {"sent": "Bearer [secret]"}


def signed(service: str, region: str = "us-east-1") -> AwsKey:
    return AwsKey("AKIDEXAMPLE", SECRET, region, service)


@pytest.mark.parametrize(
    ("key", "request_of", "headers", "signature"),
    [
        (
            signed("service"), ("GET", "/", b""), HOST,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            signed("iam"), ("GET", "/?Action=ListUsers&Version=2010-05-08", b""),
            {
                "host": "iam.amazonaws.com",
                "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            },
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
        (
            signed("service"), ("GET", "/?Param2=value2&Param1=value1", b""), HOST,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            signed("service"), ("POST", "/", b""), HOST,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
    ],
)  # fmt: skip
def test_requests_are_signed_as_amazon_publishes(
    key: AwsKey, request_of: tuple[str, str, bytes], headers: dict[str, str], signature: str
) -> None:
    method, path, content = request_of
    found = signature_headers(key, method, path, headers, content, MOMENT)
    assert found["authorization"].endswith(f"Signature={signature}")


def test_a_request_to_the_storage_is_signed_as_amazon_publishes() -> None:
    key = AwsKey(
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"
    )
    headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"}
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    found = signature_headers(key, "GET", "/test.txt", headers, b"", moment)
    assert found["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


async def test_what_is_sent_is_what_was_signed() -> None:
    auth = {
        "type": "aws", "access_key": "AKID", "secret_key": "{{secrets.k}}", "region": "eu-west-1",
        "service": "execute-api", "session_token": "session-1",
    }  # fmt: skip
    with serving(echo) as server:
        config = {"method": "POST", "query": {"b": "x y", "a": ["1", "é"]}, "body": {"n": 1}}
        ran = await run_http(
            node(f"{server.url}/a%20b", auth=auth, **config), secrets={"k": SECRET}
        )
    [request] = server.requests
    given = request.headers["authorization"]
    names = re.findall(r"SignedHeaders=([^,]+)", given)[0].split(";")
    assert names == ["content-type", "host", "x-amz-date", "x-amz-security-token"]
    moment = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    kept = {name: request.headers[name] for name in ("content-type", "host")}
    key = AwsKey("AKID", SECRET, "eu-west-1", "execute-api", "session-1")
    again = signature_headers(key, "POST", request.path, kept, request.body, moment)
    assert again["authorization"] == given
    assert SECRET not in repr(ran.events)


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "kerberos"},
        {"type": "basic"},
        {"type": "bearer", "username": "a", "token": "b"},
        {"type": "oauth2", "token_url": "ftp://a", "client_id": "a", "client_secret": "b"},
        {"type": "aws", "access_key": "a", "secret_key": "b"},
        {"username": "a", "password": "b"},
        "basic",
    ],
)
def test_credentials_that_are_not_whole_are_refused_before_the_run(auth: Any) -> None:
    with pytest.raises(DefinitionRefused):
        compiled(node("https://a.test/", auth=auth))


async def test_cookies_stay_within_a_run_that_asks_for_it() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/login":
            return Reply(302, b"", {"location": "/", "set-cookie": "sid=s-1; Path=/; HttpOnly"})
        return reply_json({"cookie": request.headers.get("cookie")})

    with serving(answer) as server:
        names = ["login", "then", "without"]
        configs: list[dict[str, Any]] = [
            {"url": f"{server.url}/login", "keep_cookies": True},
            {"url": server.url, "keep_cookies": True},
            {"url": server.url},
        ]
        workflow = {
            "nodes": [
                {"id": name, "type": "http", "config": config}
                for name, config in zip(names, configs, strict=True)
            ],
            "edges": [
                {"source": "login", "target": "then"}, {"source": "then", "target": "without"},
            ],
        }  # fmt: skip
        ran = await run_http(workflow)
    bodies = [ran.outputs[name]["body"]["cookie"] for name in names]
    assert bodies == ["sid=s-1", "sid=s-1", None]


async def test_runs_do_not_share_their_cookies() -> None:
    def answer(request: Request) -> Reply:
        return Reply(200, request.headers.get("cookie", "").encode(), {"set-cookie": "a=1"})

    client = HttpClient(LOOPBACK)
    with serving(answer) as server:
        found = [await client.request("GET", server.url, who=WhoCalls(jar=name)) for name in "xxy"]
    await client.aclose()
    assert [each.content for each in found] == [b"", b"a=1", b""]
