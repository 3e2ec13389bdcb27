"""Models of each provider's wire format, through litellm, over real HTTP."""

import asyncio
import json
import time
from typing import Any

import pytest

from fakes.flows import Ran, run
from fakes.loopback import Reply, Server, endless, serving
from fakes.models import WEATHER, agent, scripted
from fakes.providers import KEY, PROVIDERS, Provider, sse
from flowc.compiler.guards import Circuits, Guards
from flowc.compiler.running.run_context import NodeFailed


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


async def ask(provider: Provider, server: Server, **config: Any) -> Ran:
    more = config.pop("more", {})
    config = {"model": "m", "prompt": "Hi.", "system": "Be kind.", **config}
    node = {"id": "ask", "type": "llm", "config": config}
    return await run({"nodes": [node]}, {}, {type(m): m for m in [provider.models(server)]}, **more)


def tokens(ran: Ran) -> list[str]:
    emitted = [e.data for e in ran.events if e.kind == "node.said"]
    return [data["data"]["text"] for data in emitted if data["kind"] == "token"]


async def test_a_model_answers_and_its_usage_is_counted(provider: Provider) -> None:
    with scripted(provider.text("Hello.")) as server:
        ran = await ask(provider, server, temperature=0.2, max_tokens=50)
    [request] = server.requests
    assert provider.key(request) == KEY
    assert "Be kind." in request.body.decode()
    assert ran.output["text"] == "Hello."
    assert ran.output["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert ran.output["cost"] > 0


async def test_a_model_streams_its_answer(provider: Provider) -> None:
    with scripted(provider.streamed(["One ", "two ", "three."], pause=0.1)) as server:
        ran = await ask(provider, server, stream=True)
    assert provider.is_streamed(server.requests[0])
    assert ran.output["text"] == "One two three."
    assert "".join(tokens(ran)) == "One two three."
    assert len(tokens(ran)) > 1
    assert ran.output["usage"]["completion_tokens"] == 3


async def test_a_stream_that_breaks_off_is_a_failure(provider: Provider) -> None:
    broken = provider.streamed(["One "], ends=False)
    with scripted(broken) as server, pytest.raises(NodeFailed) as caught:
        await ask(provider, server, stream=True)
    assert caught.value.code in {"answer-broke-off", "model-unavailable"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_agent_calls_tools(provider: Provider, stream: bool) -> None:
    given = {"city": "Rome"}
    call = provider.streamed_call("get_weather", given)
    replies = (
        (call, provider.streamed(["Sun", "ny."]))
        if stream
        else (provider.calls(("get_weather", given)), provider.text("Sunny."))
    )
    with scripted(*replies) as server:
        services = {type(m): m for m in [provider.models(server)]}
        ran = await run(agent(WEATHER, stream=stream), {}, services)
    assert ran.output["text"] == "Sunny."
    assert ran.output["calls"] == [{"tool": "get_weather", "arguments": given}]
    assert provider.results(server.requests[1]) == ["Rome: sunny"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "model-key-refused", None),
        (404, "unknown-model", None),
        (429, "model-rate-limited", "rate-limit"),
        (500, "model-unavailable", "server-error"),
        (503, "model-unavailable", "server-error"),
    ],
)
async def test_an_error_does_not_repeat_the_prompt_or_the_key(
    provider: Provider, status: int, code: str, kind: str | None
) -> None:
    with scripted(provider.error(status, f"Bad key {KEY} for: Hi.")) as server:
        with pytest.raises(NodeFailed) as caught:
            await ask(provider, server)
        assert (caught.value.code, KEY in caught.value.message) == (code, False)
        assert len(server.requests) == 1
        if kind is not None:
            node = {"id": "ask", "type": "llm", "config": {"model": "m", "prompt": "Hi."}}
            retry = {"max_attempts": 2, "initial_delay": 0.01, "on": [kind]}
            services = {type(m): m for m in [provider.models(server)]}
            with pytest.raises(NodeFailed):
                await run({"nodes": [{**node, "retry": retry}]}, {}, services)
            assert len(server.requests) == 3


async def test_a_rate_limit_is_waited_for(provider: Provider) -> None:
    limited = provider.error(429, "slow down", retry_after="1")
    with scripted(limited, provider.text("Hello.")) as server:
        node = {"id": "ask", "type": "llm", "config": {"model": "m", "prompt": "Hi."}}
        retry = {"max_attempts": 2, "initial_delay": 0.01, "jitter": False}
        services = {type(m): m for m in [provider.models(server)]}
        started = time.monotonic()
        ran = await run({"nodes": [{**node, "retry": retry}]}, {}, services)
    assert time.monotonic() - started >= 1
    assert ran.output["text"] == "Hello."
    [retrying] = [e for e in ran.events if e.kind == "node.retrying"]
    assert retrying.data["delay"] == 1


async def test_a_conversation_that_is_too_long_has_an_error_of_its_own(provider: Provider) -> None:
    with scripted(provider.overflow()) as server, pytest.raises(NodeFailed) as caught:
        await ask(provider, server, prompt="word " * 500)
    assert caught.value.code == "context-too-large"
    assert "about 51" in caught.value.message


async def test_a_malformed_response_is_a_failure(provider: Provider) -> None:
    garbage = Reply(200, b"\xff\xfe{not json", {"content-type": "application/json"})
    with scripted(garbage) as server, pytest.raises(NodeFailed) as caught:
        await ask(provider, server)
    assert caught.value.code.startswith("model-")
    broken = sse(iter([(None, b'{"choices": [{"delta": {"content": "\xff\xfe')]))
    with scripted(broken) as server, pytest.raises(NodeFailed) as caught:
        await ask(provider, server, stream=True)
    assert caught.value.code in {"answer-broke-off", "model-unavailable", "model-failed"}


async def test_a_slow_call_times_out_and_a_cancelled_call_is_closed(
    provider: Provider,
) -> None:
    hung_up: list[bool] = []

    with serving(lambda request: endless(hung_up)) as server:
        with pytest.raises(NodeFailed) as caught:
            await ask(provider, server, stream=True, timeout=0.4)
        assert caught.value.code == "timeout"
        asking = asyncio.create_task(ask(provider, server, stream=True))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        for _ in range(50):
            if len(hung_up) == 2:
                break
            await asyncio.sleep(0.05)
    assert hung_up == [True, True]


async def test_if_a_provider_is_down_its_circuit_opens_and_the_fallback_answers(
    provider: Provider,
) -> None:
    guards = Guards(circuits=Circuits(threshold=2, pause=60))
    with scripted(provider.error(503, "down")) as down, scripted(PROVIDERS[0].text("Hello.")) as up:
        models = provider.models(down)
        models.aliases["spare"] = PROVIDERS[0].models(up).aliases["m"]
        models = type(models)(models.aliases)
        config = {"model": "m", "prompt": "Hi.", "fallbacks": ["spare"]}
        node = {"id": "ask", "type": "llm", "config": config}
        codes = []
        for _ in range(4):
            ran = await run({"nodes": [node]}, {}, {type(models): models}, guards=guards)
            assert ran.output["text"] == "Hello."
            emitted = [e.data for e in ran.events if e.kind == "node.said"]
            codes += [data["data"]["code"] for data in emitted if data["kind"] == "fallback"]
    assert codes == ["model-unavailable", "model-unavailable", "circuit-open", "circuit-open"]
    assert (len(down.requests), len(up.requests)) == (2, 4)


async def test_a_schema_reaches_the_provider_and_the_answer_matches(provider: Provider) -> None:
    wanted = {"city": "string"}
    with scripted(provider.text("No idea."), provider.text(json.dumps({"city": "Rome"}))) as server:
        ran = await ask(provider, server, output_schema=wanted)
    assert ran.output["city"] == "Rome"
    assert "city" in server.requests[0].body.decode()
    assert "does not fit" in server.requests[1].body.decode()


async def test_a_prompt_is_marked_for_caching(provider: Provider) -> None:
    with scripted(provider.text("Hello.")) as server:
        ran = await ask(provider, server, cache_prompt=True)
    assert ran.output["text"] == "Hello."
    sent = server.requests[0].body.decode()
    assert "Be kind." in sent
    assert ("cache_control" in sent) == (provider.name == "anthropic")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_key_that_an_answer_repeats_is_removed(provider: Provider, stream: bool) -> None:
    pieces = ["Your key is sk-lo", KEY[5:12], KEY[12:], ", sk-lo", "cked."]
    reply = provider.streamed(pieces) if stream else provider.text("".join(pieces))
    with scripted(reply) as server:
        ran = await ask(provider, server, stream=stream)
    assert ran.output["text"] == "Your key is [secret], sk-locked."
    events = json.dumps([event.data for event in ran.events])
    assert KEY not in events
    if stream:
        assert "".join(tokens(ran)) == ran.output["text"]
    with scripted(provider.calls(("get_weather", {"city": KEY})), provider.text("Ok.")) as server:
        services = {type(m): m for m in [provider.models(server)]}
        ran = await run(agent(WEATHER), {}, services)
    assert KEY not in json.dumps([event.data for event in ran.events])
    assert KEY not in json.dumps(ran.output)
