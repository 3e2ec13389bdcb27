"""Rates: callers, tenants and addresses that ask too often are refused with 429."""

import asyncio
import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from fakes import processes
from fakes.processes import free_port
from fakes.redis_servers import needs_redis, redis_server
from fakes.served import Served, serving
from flowc.server.access.callers import Caller
from flowc.server.access.rates import Rate
from flowc.server.access.scopes import ROUTES, STARTS_RUNS
from flowc.server.api.request_rates import RequestRates
from flowc.server.app import API
from flowc.server.settings import Settings

HELLO = {"nodes": [{"id": "say", "type": "template", "config": {"template": "Hello"}}]}
WRONG = f"flowc_{'0' * 12}_{'x' * 43}"


async def test_each_name_may_use_all_of_a_minute_at_once() -> None:
    rate = Rate("tests", 60)
    assert [await rate.take("a") for _ in range(60)] == [0.0] * 60
    assert 0 < await rate.take("a") <= 1
    assert 0 < await rate.wait("a") <= 1
    assert await rate.wait("b") == await rate.take("b") == 0.0


async def test_a_rate_is_refilled_bit_by_bit() -> None:
    rate = Rate("tests", 600)
    while not (wait := await rate.take("a")):
        pass
    await asyncio.sleep(wait)
    assert await rate.take("a") == 0.0


async def test_no_more_names_are_counted_than_memory_allows() -> None:
    rate = Rate("tests", 1)
    for number in range(20_000):
        await rate.take(str(number))
    assert await rate.take("19999") > 0
    assert await rate.take("0") == 0.0


async def test_a_rate_that_is_not_set_does_not_count() -> None:
    rates = RequestRates(Settings())
    for handler in ("execute_workflow", "list_runs"):
        for _ in range(1_000):
            await rates.count(Caller("default", "someone"), handler)
    assert ROUTES.keys() >= STARTS_RUNS


@needs_redis
def test_processes_with_one_redis_count_together(tmp_path: Path) -> None:
    port = free_port()
    env = {
        "FLOWC_REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "FLOWC_CALLER_REQUESTS_PER_MINUTE": "3",
    }
    with (
        redis_server(port, tmp_path) as redis,
        processes.serving(tmp_path / "one", env) as (one, _),
        processes.serving(tmp_path / "two", env) as (two, _),
    ):
        found = [each.get(f"{API}/runs").status_code for each in (one, two, one, two, one)]
        assert found == [200, 200, 200, 429, 429]
        counted: Any = redis.keys("flowc:rates:*")
        assert len(counted) == 1


@needs_redis
async def test_without_its_redis_a_process_counts_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    about = {"redis_url": f"redis://127.0.0.1:{port}/0", "caller_requests_per_minute": 3}
    async with serving(tmp_path / "d", auth="off", **about) as served:
        assert [await _status(served, None) for _ in range(4)] == [200, 200, 200, 429]
    said = "Redis does not answer (ConnectionError): each process counts its own rates"
    assert caplog.messages.count(said) == 1


async def test_reading_and_starting_runs_have_rates_of_their_own(tmp_path: Path) -> None:
    about = {"caller_requests_per_minute": 3, "caller_starts_per_minute": 2}
    async with serving(tmp_path / "d", **about) as served:
        key = await served.new_key(role="editor")
        read = [(await served.ask("GET", f"{API}/runs", key)).status_code for _ in range(4)]
        assert read == [200, 200, 200, 429]
        body = {"definition": HELLO}
        started = [
            await served.ask("POST", f"{API}/workflows/execute", key, json=body) for _ in range(3)
        ]
        assert [each.status_code for each in started] == [200, 200, 429]
        error = started[-1].json()["error"]
        assert error["code"] == "too-many-requests"
        assert "starts more runs a minute than it may" in error["message"]
        assert 1 <= int(started[-1].headers["retry-after"]) <= 30
        # Others are not limited by what this one does, nor is a stored run that was not started.
        other = await served.new_key(role="viewer")
        runs = (await served.ask("GET", f"{API}/runs", other)).json()
        assert runs["total"] == 2


async def test_all_callers_of_a_tenant_share_its_rate(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", tenant_requests_per_minute=5) as served:
        keys = [await served.new_key(role="viewer") for _ in range(3)]
        found = [(await served.ask("GET", f"{API}/runs", key)).status_code for key in keys]
        assert found == [200, 200, 429]


async def test_a_caller_that_may_not_ask_is_counted_too(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", caller_requests_per_minute=2) as served:
        key = await served.new_key(role="viewer")
        found = [(await served.ask("GET", f"{API}/keys", key)).status_code for _ in range(3)]
        assert found == [403, 403, 429]


async def test_clients_of_openai_get_429_in_their_form(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", caller_requests_per_minute=1) as served:
        key = await served.new_key(role="operator")
        assert (await served.ask("GET", "/v1/models", key)).status_code == 200
        refused = await served.ask("GET", "/v1/models", key)
        assert refused.status_code == 429
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert "retry-after" in refused.headers


async def test_an_address_that_guesses_keys_must_wait_but_known_callers_need_not(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "d", failed_logins_per_minute=3) as served:
        key, unused = await served.new_key(role="viewer"), await served.new_key(role="viewer")
        assert await _status(served, key) == 200
        # A request without a key guesses nothing.
        assert [await _status(served, None) for _ in range(5)] == [401] * 5
        assert [await _status(served, WRONG) for _ in range(4)] == [401, 401, 401, 429]
        assert await _status(served, unused) == 429
        assert await _status(served, key) == 200
        refused = await served.ask("GET", f"{API}/runs", WRONG)
        assert 1 <= int(refused.headers["retry-after"]) <= 20


async def _status(served: Served, key: str | None) -> int:
    return (await served.ask("GET", f"{API}/runs", key)).status_code


async def test_wrong_signatures_count_as_wrong_keys_and_right_ones_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "whsec_" + base64.b64encode(b"a key of thirty-two bytes or so!").decode()
    monkeypatch.setenv("FLOWC_SECRET_HOOK", secret)
    async with serving(tmp_path / "d", failed_logins_per_minute=2) as served:
        await served.ask(
            "POST", f"{API}/workflows", served.admin, json={"id": "w", "definition": HELLO}
        )
        hook = {"path": "p", "workflow_id": "w", "secret": "hook"}
        made = await served.ask("POST", f"{API}/webhooks", served.admin, json=hook)
        assert made.status_code == 201, made.text
        at = datetime.now(UTC)
        signed = {
            "webhook-id": "m",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign("m", at, "{}"),
        }
        sent = [{**signed, "webhook-signature": "v1,AAAA"}] * 3 + [signed]
        found = [
            (await served.client.post(f"{API}/webhooks/p", content=b"{}", headers=each)).status_code
            for each in sent
        ]
        assert found == [401, 401, 429, 202]


async def test_messages_to_webhooks_are_starts_of_their_tenant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "whsec_" + base64.b64encode(b"a key of thirty-two bytes or so!").decode()
    monkeypatch.setenv("FLOWC_SECRET_HOOK", secret)
    async with serving(tmp_path / "d", tenant_starts_per_minute=2, auth="off") as served:
        body = {"id": "w", "definition": HELLO}
        await served.ask("POST", f"{API}/workflows", None, json=body)
        hook = {"path": "p", "workflow_id": "w", "secret": "hook"}
        await served.ask("POST", f"{API}/webhooks", None, json=hook)
        found = []
        for id in ("a", "b", "c"):
            at = datetime.now(UTC)
            signed = {
                "webhook-id": id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": Webhook(secret).sign(id, at, "{}"),
            }
            sent = await served.client.post(f"{API}/webhooks/p", content=b"{}", headers=signed)
            found.append(sent.status_code)
        assert found == [202, 202, 429]


async def test_mcp_has_the_rate_of_starts(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", caller_starts_per_minute=1) as served:
        key = await served.new_key(role="operator")
        assert (await served.ask("POST", "/mcp", key, json={})).status_code != 429
        assert (await served.ask("POST", "/mcp", key, json={})).status_code == 429
