"""People sign in at an OpenID provider, and get a session of their browser."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fakes.command import flowc
from fakes.openid import CLIENT, FakeOpenId, provider
from fakes.served import Served, serving
from flowc.server.access.scopes import CallerRole, scopes_of
from flowc.server.app import API

BEGIN, SESSION = f"{API}/session/oidc", f"{API}/session"


@pytest.fixture
def acme() -> Iterator[FakeOpenId]:
    with provider() as found:
        yield found


@pytest.fixture
async def served(tmp_path: Path, acme: FakeOpenId) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", **acme.settings) as found:
        yield found


async def asked(served: Served, page: str = "/ui/runs?status=failed") -> dict[str, str]:
    """Begin to sign in; return what the provider is asked."""
    answer = await served.client.get(BEGIN, params={"page": page})
    assert answer.status_code == 303, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: found[0] for name, found in query.items()}


async def back(served: Served, url: str) -> httpx.Response:
    """Come back from the provider."""
    return await served.client.get(url, headers={"sec-fetch-site": "cross-site"})


async def problem_of(served: Served, acme: FakeOpenId, **chosen: str) -> str:
    """Sign in, and return the reason that the page gets."""
    answer = await back(served, acme.decided({**await asked(served), "person": "ada", **chosen}))
    assert "flowc_session" not in answer.cookies
    location = urlsplit(answer.headers["location"])
    query = parse_qs(location.query)
    assert (location.path, query["status"]) == ("/ui/runs", ["failed"])
    assert (await served.client.get(SESSION)).status_code == 401
    return query["sign_in"][0]


async def test_a_person_signs_in_and_returns_to_the_page(served: Served, acme: FakeOpenId) -> None:
    query = await asked(served)
    assert query["tenant"] == "acme"
    assert (query["client_id"], query["scope"]) == (CLIENT, "openid profile email")
    answer = await back(served, acme.decided({**query, "person": "ada"}))
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/runs?status=failed")
    kept = [each.lower() for each in answer.headers.get_list("set-cookie")]
    [session] = [each for each in kept if each.startswith("flowc_session=")]
    assert "httponly" in session and "samesite=strict" in session and "max-age=43" in session
    assert [each for each in kept if each.startswith('flowc_sign_in=""')]
    me = (await served.client.get(SESSION)).json()
    assert (me["caller"], me["role"], me["groups"]) == ("user ada", "editor", ["accounting"])
    assert me["scopes"] == sorted(scopes_of(CallerRole.EDITOR))
    # What changes something needs the token of the session, as with a key.
    assert (await served.client.delete(SESSION)).json()["error"]["code"] == "csrf-refused"
    audit = (await served.ask("GET", f"{API}/audit", served.admin)).json()["items"]
    assert [(each["act"], each["caller"]) for each in audit][-1] == ("finish_sign_in", "user ada")
    left = await served.client.delete(SESSION, headers={"x-csrf-token": me["csrf_token"]})
    assert left.status_code == 204
    assert (await served.client.get(SESSION)).status_code == 401


async def test_the_cookie_of_an_attempt_says_nothing_and_comes_back_from_another_site(
    served: Served,
) -> None:
    answer = await served.client.get(BEGIN)
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept and "samesite=lax" in kept and "max-age=600" in kept
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    secret = answer.cookies["flowc_sign_in"]
    for name in ("state", "nonce", "code_challenge"):
        assert query[name][0] not in secret
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1") as client:
        kept = (await client.get(BEGIN)).headers["set-cookie"]
        assert kept.startswith("__Host-flowc_sign_in=") and "Secure" in kept


async def test_a_server_without_a_provider_has_keys_alone(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        found = await served.client.get(f"{SESSION}/methods")
        assert found.json() == {"key": True, "openid": None}
        for path in (BEGIN, f"{BEGIN}/callback?code=x&state=y"):
            answer = await served.client.get(path)
            assert answer.headers["location"] == "/ui/workflows?sign_in=off"
        answer = await served.client.get(f"{BEGIN}/sign-out")
        assert answer.headers["location"] == "/ui/workflows"


async def test_an_open_server_needs_no_sign_in(tmp_path: Path, acme: FakeOpenId) -> None:
    async with serving(tmp_path / "d", **acme.settings, auth="off") as served:
        found = await served.client.get(f"{SESSION}/methods")
        assert found.json() == {"key": False, "openid": None}


@pytest.mark.parametrize(("where", "leave"), [("here", None), ("provider", f"{BEGIN}/sign-out")])
async def test_the_methods_name_the_provider(
    tmp_path: Path, acme: FakeOpenId, where: str, leave: str | None
) -> None:
    async with serving(tmp_path / "d", **acme.settings, oidc_sign_out=where) as served:
        found = (await served.client.get(f"{SESSION}/methods")).json()
        assert found["openid"] == {"name": "Acme", "begin": BEGIN, "sign_out": leave}
        answer = await served.client.get(f"{BEGIN}/sign-out")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert query["post_logout_redirect_uri"] == ["http://127.0.0.1/ui/workflows"]


@pytest.mark.parametrize(
    "page",
    [
        "https://elsewhere.example/ui/",
        "//elsewhere.example",
        "/api/v1/runs",
        "/ui",
        "javascript:alert(1)",
        "/ui/\\elsewhere.example",
        "/ui/\r\nset-cookie: x=y",
        "/ui/" + "x" * 2_000,
    ],
)
async def test_a_person_returns_to_no_other_place(
    served: Served, acme: FakeOpenId, page: str
) -> None:
    query = await asked(served, page)
    answer = await back(served, acme.decided({**query, "person": "ada"}))
    assert answer.headers["location"] == "/ui/workflows"


async def test_a_person_who_is_denied_gets_to_the_page_that_says_so(
    served: Served, acme: FakeOpenId
) -> None:
    assert await problem_of(served, acme, error="access_denied") == "denied"
    assert await problem_of(served, acme, error="server_error") == "provider"


async def test_an_answer_of_another_attempt_is_refused(served: Served, acme: FakeOpenId) -> None:
    assert await problem_of(served, acme, state="0" * 64) == "state"
    assert await problem_of(served, acme, state="ü") == "state"
    # The nonce is in the token, so that a code of another attempt is of no use.
    assert await problem_of(served, acme, nonce="0" * 64) == "token"
    query = await asked(served)
    served.client.cookies.clear()
    answer = await back(served, acme.decided({**query, "person": "ada"}))
    assert answer.headers["location"] == "/ui/workflows?sign_in=state"


async def test_an_answer_can_be_used_once(served: Served, acme: FakeOpenId) -> None:
    query = await asked(served)
    url = acme.decided({**query, "person": "ada"})
    attempt = served.client.cookies["flowc_sign_in"]
    assert (await back(served, url)).headers["location"] == "/ui/runs?status=failed"
    assert (await back(served, url)).headers["location"].endswith("sign_in=state")
    served.client.cookies.set("flowc_sign_in", attempt)
    again = await back(served, url)
    assert again.headers["location"].endswith("sign_in=token")


async def test_a_stolen_code_is_of_no_use_without_its_verifier(
    served: Served, acme: FakeOpenId
) -> None:
    theirs = await asked(served)
    stolen = acme.decided({**theirs, "person": "ada"})
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    served.client.cookies.clear()
    mine = await asked(served)
    answer = await back(served, f"{BEGIN}/callback?code={code}&state={mine['state']}")
    assert answer.headers["location"].endswith("sign_in=token")


@pytest.mark.parametrize("skew", ["3600", "-3600"])
async def test_clocks_that_differ_are_named(served: Served, acme: FakeOpenId, skew: str) -> None:
    assert await problem_of(served, acme, skew=skew) == "clock"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"nonce": None},
        {"exp": None},
        {"sub": None},
    ],
)
async def test_a_token_that_is_not_for_this_server_is_refused(
    served: Served, acme: FakeOpenId, claims: dict[str, Any]
) -> None:
    acme.claims = claims
    assert await problem_of(served, acme) == "token"


async def test_a_token_with_another_signature_is_refused(served: Served, acme: FakeOpenId) -> None:
    acme.signs_with = rsa.generate_private_key(65_537, 2_048)
    assert await problem_of(served, acme) == "token"


async def test_a_person_without_a_role_may_not_sign_in(served: Served, acme: FakeOpenId) -> None:
    assert await problem_of(served, acme, person="bob") == "forbidden"
    acme.claims = {"tenant": "no/name"}
    assert await problem_of(served, acme) == "forbidden"


async def test_people_without_a_role_get_that_of_the_settings(
    tmp_path: Path, acme: FakeOpenId
) -> None:
    async with serving(tmp_path / "d", **acme.settings, oidc_role="viewer") as served:
        for person, role in (("bob", "viewer"), ("ada", "editor")):
            query = await asked(served)
            await back(served, acme.decided({**query, "person": person}))
            assert (await served.client.get(SESSION)).json()["role"] == role


async def test_what_the_token_lacks_is_read_from_the_provider(
    served: Served, acme: FakeOpenId
) -> None:
    acme.is_in_userinfo = True
    await back(served, acme.decided({**await asked(served), "person": "ada"}))
    me = (await served.client.get(SESSION)).json()
    assert (me["role"], me["groups"]) == ("editor", ["accounting"])


async def test_the_person_that_the_provider_describes_must_be_the_one_of_the_token(
    served: Served, acme: FakeOpenId
) -> None:
    acme.is_in_userinfo, acme.claims = True, {"sub": "eve"}
    assert await problem_of(served, acme) == "token"


@pytest.mark.parametrize(
    ("secret", "changes"),
    [(None, {}), ("s", {"token_endpoint_auth_methods_supported": ["client_secret_post"]})],
)
async def test_a_public_client_and_one_with_its_secret_in_the_form_sign_in(
    tmp_path: Path, secret: str | None, changes: dict[str, Any]
) -> None:
    with provider(secret=secret, changes=changes) as acme:
        async with serving(tmp_path / "d", **acme.settings) as served:
            await back(served, acme.decided({**await asked(served), "person": "ada"}))
            assert (await served.client.get(SESSION)).status_code == 200
    [sent] = [each for each in acme.server.requests if each.path == "/token"]
    assert "authorization" not in sent.headers
    assert (b"client_secret=s" in sent.body) == (secret is not None)


async def test_a_wrong_secret_of_the_client_is_the_fault_of_the_settings(
    tmp_path: Path, acme: FakeOpenId
) -> None:
    settings = {**acme.settings, "oidc_client_secret": "another"}
    async with serving(tmp_path / "d", **settings) as served:
        assert await problem_of(served, acme) == "provider"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://elsewhere.example"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_is_not_as_it_should_be_is_named(
    served: Served, acme: FakeOpenId, changes: dict[str, Any]
) -> None:
    acme.changes = changes
    answer = await served.client.get(BEGIN, params={"page": "/ui/runs"})
    assert answer.headers["location"] == "/ui/runs?sign_in=provider"


async def test_a_provider_that_is_away_is_named(tmp_path: Path) -> None:
    with provider() as acme:
        settings = acme.settings
    async with serving(tmp_path / "d", **settings) as served:
        answer = await served.client.get(BEGIN)
        assert answer.headers["location"] == "/ui/workflows?sign_in=provider"


async def test_a_session_replaces_that_of_the_browser(served: Served, acme: FakeOpenId) -> None:
    for person in ("ada", "ada"):
        former = served.client.cookies.get("flowc_session")
        query = await asked(served)
        await back(served, acme.decided({**query, "person": person}))
    cookie = {"cookie": f"flowc_session={former}"}
    served.client.cookies.clear()
    assert (await served.client.get(SESSION, headers=cookie)).status_code == 401


async def test_wrong_answers_count_against_their_address(tmp_path: Path, acme: FakeOpenId) -> None:
    async with serving(tmp_path / "d", **acme.settings, failed_logins_per_minute=1) as served:
        assert await problem_of(served, acme, nonce="0" * 64) == "token"
        assert await problem_of(served, acme) == "busy"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWC_OIDC_ISSUER", "https://id.example"),
        ("FLOWC_OIDC_CLIENT_ID", "flowc"),
        ("FLOWC_OIDC_SCOPES", "profile"),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = flowc("serve", "--port", "0", FLOWC_DATA_DIR=str(tmp_path / "d"), **{name: value})
    assert done.returncode != 0
    assert name in done.stderr and "Traceback" not in done.stderr
