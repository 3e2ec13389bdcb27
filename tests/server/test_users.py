"""Administrators see who is signed in and what roles may do, and end sessions."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from fakes.served import Served, serving
from flowc.server.access.scopes import CallerRole, scopes_of
from flowc.server.app import API

SECRET = "a secret that is shared by those who sign"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as found:
        yield found


async def signed_in(served: Served, credential: str) -> str:
    """Sign in with a browser, and return its cookie."""
    answer = await served.client.post(f"{API}/session", json={"credential": credential})
    served.client.cookies.clear()
    return f"flowc_session={answer.cookies['flowc_session']}"


def person(name: str, **claims: Any) -> str:
    about = {"sub": name, "role": "operator", "iat": time.time(), "exp": time.time() + 600}
    return jwt.encode({**about, **claims}, SECRET, "HS256")


async def test_people_who_are_signed_in_are_listed_with_their_roles(served: Served) -> None:
    key = await served.new_key(name="till", role="viewer", groups=["sales"])
    for credential in (person("ada"), person("ada"), key, person("eve", tenant="acme")):
        await signed_in(served, credential)
    found = (await served.ask("GET", f"{API}/users", served.admin)).json()
    listed = [(each["caller"], each["role"], each["sessions"]) for each in found]
    id = key.split("_")[1]
    assert listed == [(f"key {id} (till)", "viewer", 1), ("user ada", "operator", 2)]
    assert (found[0]["key_id"], found[0]["groups"], found[1]["key_id"]) == (id, ["sales"], None)
    others = await served.ask("GET", f"{API}/users?tenant=acme", served.admin)
    assert [each["caller"] for each in others.json()] == ["user eve"]


async def test_an_administrator_ends_the_sessions_of_a_person(served: Served) -> None:
    ada = [await signed_in(served, person("ada")) for _ in range(2)]
    eve = await signed_in(served, person("eve", tenant="acme"))
    bob = await signed_in(served, person("bob"))
    path = f"{API}/users/sessions?caller=user%20"
    for name, ended in (("ada", 2), ("ada", 0), ("eve", 0)):
        answer = await served.ask("DELETE", path + name, served.admin)
        assert (answer.status_code, answer.json()) == (200, {"ended": ended}), name
    for cookie, status in ((ada[0], 401), (ada[1], 401), (eve, 200), (bob, 200)):
        headers = {"cookie": cookie}
        assert (await served.client.get(f"{API}/session", headers=headers)).status_code == status
    audit = (await served.ask("GET", f"{API}/audit", served.admin)).json()["items"]
    assert (audit[0]["act"], audit[0]["details"]) == ("end_user_sessions", {"caller": "user eve"})


async def test_roles_are_listed_with_what_each_adds(served: Served) -> None:
    found = (await served.ask("GET", f"{API}/roles", served.admin)).json()
    assert [each["role"] for each in found] == list(CallerRole)
    for each in found:
        assert each["scopes"] == sorted(scopes_of(CallerRole(each["role"])))
    added = [scope for each in found for scope in each["adds"]]
    assert sorted(added) == found[-1]["scopes"]


async def test_users_are_for_administrators(served: Served) -> None:
    editor = await served.new_key(role="editor")
    for method, path in (("GET", "users"), ("GET", "roles"), ("DELETE", "users/sessions?caller=x")):
        assert (await served.ask(method, f"{API}/{path}", editor)).status_code == 403
