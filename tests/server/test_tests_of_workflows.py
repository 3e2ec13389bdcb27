"""Workflows are tested over HTTP: with mocks and expectations, and runs that have ended."""

from pathlib import Path

import httpx
import pytest

from fakes import loopback
from fakes.runs_api import API, begin, human, pause
from fakes.served import serving as in_process

NODES = [
    {"id": "look", "type": "http", "config": {"url": "http://127.0.0.1:9/none"}},
    {
        "id": "say",
        "type": "template",
        "depends_on": ["look"],
        "config": {"template": "{{input.name}}: {{look.output.body}}"},
    },
]


@pytest.fixture
def looks(api: httpx.Client) -> str:
    api.put(f"{API}/workflows/looks", json={"nodes": NODES}).raise_for_status()
    return f"{API}/workflows/looks/test"


def test_mocked_nodes_do_not_run_and_the_end_is_compared(api: httpx.Client, looks: str) -> None:
    total = api.get(f"{API}/runs").json()["total"]
    body = {
        "input": {"name": "Ada"},
        "mocks": {"look": {"body": "found"}},
        "expect": {"output": {"text": "Ada: found"}, "path": ["look", "say"]},
    }
    passed = api.post(looks, json=body).json()
    assert (passed["passed"], passed["problems"], passed["status"]) == (True, [], "completed")
    other = {**body, "expect": {"output_contains": {"text": "Bob: found"}}}
    failed = api.post(looks, json=other).json()
    assert (failed["passed"], failed["output"]) == (False, {"text": "Ada: found"})
    assert '+  "text": "Ada: found"' in failed["problems"][0]
    unknown = api.post(looks, json={**body, "mocks": {"looks": 1, "look": {"body": 1}}}).json()
    assert "there is no node 'looks'" in unknown["problems"][0]
    # Without the mock, the node does what it does.
    real = api.post(looks, json={"input": {"name": "Ada"}}).json()
    assert (real["status"], real["error"]["code"]) == ("failed", "egress-denied")
    assert api.get(f"{API}/runs").json()["total"] == total
    assert api.post(looks, json={"expects": {}}).status_code == 422


def test_people_answer_and_time_passes_at_once(api: httpx.Client) -> None:
    nodes = [pause("day", seconds=86_400), human("ask", "day", title="May I?")]
    api.put(f"{API}/workflows/asks", json={"nodes": nodes}).raise_for_status()
    body = {"answers": {"May I?": "approve"}, "expect": {"path": ["day", "ask"]}}
    assert api.post(f"{API}/workflows/asks/test", json=body).json()["passed"] is True


def test_a_test_ends_with_its_time(api: httpx.Client) -> None:
    code = "def process():\n    while True:\n        pass\n"
    node = {"id": "spin", "type": "code", "config": {"code": code}}
    api.put(f"{API}/workflows/spins", json={"nodes": [node]}).raise_for_status()
    cut = api.post(f"{API}/workflows/spins/test", json={"timeout": 0.1}).json()
    assert (cut["passed"], cut["problems"]) == (False, ["The run did not end within 0.1 s."])


@pytest.mark.parametrize("path", ["runs/{}/test/validate", "workflows/executions/{}/test/validate"])
def test_a_run_that_has_ended_is_validated(api: httpx.Client, path: str) -> None:
    run = begin(api, [pause("a"), pause("b", "a")])
    url = f"{API}/{path.format(run['id'])}"
    good = api.post(url, json={"expect": {"status": "completed", "path": ["a", "b"]}})
    assert good.json() == {"passed": True, "problems": []}
    bad = api.post(url, json={"expect": {"error": "timeout"}}).json()
    assert bad == {"passed": False, "problems": ["status: expected failed, got completed."]}
    waiting = begin(api, [human("ask")])["id"]
    refused = api.post(f"{API}/{path.format(waiting)}", json={"expect": {}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not-possible")


async def test_a_secret_is_masked_in_the_answer_of_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def echo(request: loopback.Request) -> loopback.Reply:
        return loopback.reply_json({"sent": request.headers["x-key"]})

    monkeypatch.setenv("FLOWC_SECRET_TOKEN", "a-secret-0123456789")
    with loopback.serving(echo) as service:
        config = {"url": service.url, "headers": {"x-key": "{{secrets.token}}"}}
        body = {"nodes": [{"id": "call", "type": "http", "config": config}]}
        allowed = {"127.0.0.1/32": [service.port]}
        async with in_process(tmp_path / "d", egress_allow=allowed) as served:
            await served.ask("PUT", f"{API}/workflows/keyed", served.admin, json=body)
            done = await served.ask("POST", f"{API}/workflows/keyed/test", served.admin, json={})
            assert done.json()["output"]["body"] == {"sent": "[secret]"}
            assert service.requests[0].headers["x-key"] == "a-secret-0123456789"
