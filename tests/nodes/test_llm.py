"""The `llm` and `classify` nodes, through litellm, with a real server of OpenAI's wire format."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils.litellm_logging import Logging
from pydantic import SecretStr

from fakes.flows import run
from fakes.loopback import Reply, Request, Server, calls, completion, reply_json, serving
from fakes.models import KEY, ask, emitted, models_at
from flowc.compiler.node.budget import Budget
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import ModelAlias, Models


async def test_the_output_has_the_answer_and_the_usage() -> None:
    with serving(lambda request: completion("Paris.", prompt=11, answer=2)) as server:
        ran = await ask(
            models_at(server),
            {"country": "France"},
            system="Be short.",
            prompt="The capital of {{input.country}}?",
            temperature=0.2,
            max_tokens=50,
        )
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "The capital of France?"},
    ]
    assert (request.json["temperature"], request.json["max_tokens"]) == (0.2, 50)
    assert ran.output["text"] == "Paris."
    assert ran.output["usage"] == {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    assert ran.output["cost"] == pytest.approx(11 * 30e-6 + 2 * 60e-6)


async def test_messages_are_sent_unchanged() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "{{input.more}}"},
    ]
    with serving(lambda request: completion("ok")) as server:
        await ask(models_at(server), {"more": "Bye"}, messages=messages)
    assert [m["content"] for m in server.requests[0].json["messages"]] == ["Hi", "Hello", "Bye"]


SCHEMA = {"category": "string", "urgent": "boolean"}


async def test_an_output_schema_is_sent_to_providers_that_accept_one() -> None:
    answer = json.dumps({"category": "billing", "urgent": True})
    with serving(lambda request: completion(answer)) as server:
        models = models_at(server, "openai/gpt-4o-mini")
        ran = await ask(models, prompt="Classify.", output_schema=SCHEMA)
    wanted = server.requests[0].json["response_format"]["json_schema"]["schema"]
    assert set(wanted["properties"]) == {"category", "urgent"}
    assert (ran.output["category"], ran.output["urgent"]) == ("billing", True)


async def test_an_output_schema_becomes_a_tool_for_providers_that_accept_only_tools() -> None:
    given = {"category": "billing", "urgent": True}
    with serving(lambda request: calls(("answer", given))) as server:
        ran = await ask(models_at(server), prompt="Classify.", output_schema=SCHEMA)
    body = server.requests[0].json
    assert "response_format" not in body
    assert set(body["tools"][0]["function"]["parameters"]["properties"]) == set(given)
    assert body["tool_choice"]["function"]["name"] == "answer"
    assert (ran.output["category"], ran.output["urgent"]) == ("billing", True)
    assert ran.output["tool_calls"] == []


async def test_an_output_schema_becomes_an_instruction_for_all_other_providers() -> None:
    answer = 'Here it is:\n```json\n{"category": "billing", "urgent": false}\n```'
    with serving(lambda request: completion(answer)) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="Classify.", output_schema=SCHEMA)
    body = server.requests[0].json
    assert "response_format" not in body
    assert "category" in body["messages"][0]["content"]
    assert ran.output["category"] == "billing"


async def test_an_answer_that_does_not_match_is_asked_for_once_more() -> None:
    answers = iter(["no idea", '{"category": "billing", "urgent": true}'])
    with serving(lambda request: completion(next(answers))) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="Classify.", output_schema=SCHEMA)
    assert "does not fit" in server.requests[1].json["messages"][-1]["content"]
    assert ran.output["category"] == "billing"
    assert ran.output["usage"]["total_tokens"] == 20
    completed = next(e for e in ran.events if e.kind == "node.completed")
    assert completed.data["usage"]["calls"] == 2
    assert completed.data["usage"]["latency_ms"] > 0


async def test_two_answers_that_do_not_match_fail_the_node() -> None:
    with (
        serving(lambda request: completion("{}")) as server,
        pytest.raises(NodeFailed, match="does not match its schema") as caught,
    ):
        await ask(models_at(server, "openai/own"), prompt="Classify.", output_schema=SCHEMA)
    assert caught.value.code == "answer-does-not-fit"
    assert len(server.requests) == 2


async def test_a_plain_word_is_accepted_if_the_schema_was_inferred() -> None:
    workflow = {
        "nodes": [
            {"id": "ask", "type": "llm", "config": {"model": "m", "prompt": "Which?"}},
            {
                "id": "is_it",
                "type": "conditional",
                "config": {"condition": "{{ask.output.kind}} == 'technical'"},
                "depends_on": ["ask"],
            },
        ]
    }
    with serving(lambda request: completion("technical.")) as server:
        ran = await run(workflow, services={Models: models_at(server, "openai/own")})
    assert "technical" in server.requests[0].json["messages"][0]["content"]
    assert ran.output == {"result": True}


FAILURES: list[tuple[Callable[[], Reply], str]] = [
    (lambda: reply_json({"error": {"message": f"bad key {KEY}"}}, 401), "model-key-refused"),
    (lambda: reply_json({"error": {"message": f"slow down {KEY}"}}, 429), "model-rate-limited"),
    (lambda: reply_json({"error": {"message": "?"}}, 400), "model-refused"),
    (lambda: reply_json({"error": {"message": "?"}}, 404), "unknown-model"),
    (lambda: reply_json({"error": {"message": "?"}}, 503), "model-unavailable"),
    (lambda: Reply(500, b"not json"), "model-unavailable"),
]


@pytest.mark.parametrize(("reply", "code"), FAILURES)
async def test_the_failure_of_a_provider_has_a_code_and_no_key(
    reply: Callable[[], Reply], code: str
) -> None:
    with serving(lambda request: reply()) as server, pytest.raises(NodeFailed) as caught:
        await ask(models_at(server), prompt="Hi")
    assert caught.value.code == code
    assert KEY not in str(caught.value)
    # Only the workflow retries, not litellm.
    assert len(server.requests) == 1


async def test_a_rate_limit_is_waited_for_as_the_provider_requests() -> None:
    answers: Iterator[Reply] = iter(
        [reply_json({"error": {"message": "slow"}}, 429, retry_after="0"), completion("ok")]
    )
    with serving(lambda request: next(answers)) as server:
        node = {
            "id": "ask",
            "type": "llm",
            "config": {"model": "m", "prompt": "Hi"},
            "retry": {"max_attempts": 2, "initial_delay": 0.01},
        }
        ran = await run({"nodes": [node]}, services={Models: models_at(server)})
    assert ran.output["text"] == "ok"


async def test_only_addresses_in_the_models_file_are_connected_to() -> None:
    with serving(lambda request: completion("inner")) as server:
        alias = ModelAlias(model="openai/gpt-4", api_base="http://127.0.0.1:9/v1")
        models = Models({"m": alias})
        models.aliases["m"] = ModelAlias(model="openai/gpt-4", api_base=f"{server.url}/v1")
        with pytest.raises(NodeFailed) as caught:
            await ask(models, prompt="Hi")
    assert caught.value.code == "egress-denied"
    assert server.requests == []


async def test_a_redirect_does_not_send_the_prompt_elsewhere() -> None:
    with serving(lambda request: completion("stolen")) as other:

        def redirect(request: Request) -> Reply:
            return Reply(307, headers={"location": f"{other.url}/v1/chat/completions"})

        with serving(redirect) as server, pytest.raises(NodeFailed):
            await ask(models_at(server), prompt="Hi")
    assert other.requests == []


@pytest.mark.parametrize("model", ["ollama/llama3", "hosted_vllm/x", "openai_like/x", "nonsense"])
async def test_providers_without_a_fixed_address_need_the_models_file(model: str) -> None:
    with pytest.raises(NodeFailed, match="models file"):
        await ask(Models({"m": ModelAlias(model=model)}), prompt="Hi")


async def test_the_error_for_a_missing_key_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NodeFailed, match="FLOWC_MODELS_FILE"):
        await run({"nodes": [{"id": "a", "type": "llm", "config": {"model": "gpt-4", "prompt": "Hi"}}]},
                  services={Models: Models()})  # fmt: skip


def models_of(**servers: Server) -> Models:
    return Models(
        {
            name: ModelAlias(model="openai/gpt-4", api_base=f"{s.url}/v1", api_key=SecretStr(KEY))
            for name, s in servers.items()
        }
    )


async def test_fallbacks_are_tried_in_turn() -> None:
    with (
        serving(lambda request: reply_json({"error": {"message": "?"}}, 503)) as down,
        serving(lambda request: reply_json({"error": {"message": "slow"}}, 429)) as busy,
        serving(lambda request: completion("Here.")) as up,
    ):
        models = models_of(m=down, busy=busy, up=up)
        ran = await ask(models, prompt="Hi", fallbacks=["busy", "up"])
        assert ran.output["text"] == "Here."
        codes = [(each["to"], each["code"]) for each in emitted(ran, "fallback")]
        assert codes == [("busy", "model-unavailable"), ("up", "model-rate-limited")]
        with pytest.raises(NodeFailed) as caught:
            await ask(models, prompt="Hi", fallbacks=["busy"])
        assert caught.value.code == "model-rate-limited"


async def test_only_chosen_failures_lead_to_a_fallback() -> None:
    with (
        serving(lambda request: reply_json({"error": {"message": "?"}}, 401)) as locked,
        serving(lambda request: completion("Here.")) as up,
    ):
        models = models_of(m=locked, up=up)
        with pytest.raises(NodeFailed) as caught:
            await ask(models, prompt="Hi", fallbacks=["up"])
        assert caught.value.code == "model-key-refused"
        chosen = ["model-key-refused"]
        ran = await ask(models, prompt="Hi", fallbacks=["up"], fallback_on=chosen)
        assert ran.output["text"] == "Here."


async def test_images_and_files_are_sent_as_data() -> None:
    picture = Reply(200, b"PNG!", {"content-type": "image/png"})
    with (
        serving(lambda request: picture) as pictures,
        serving(lambda request: completion("A cat.")) as server,
    ):
        content = [
            {"type": "text", "text": "What is {{input.what}}?"},
            {"type": "image", "url": f"{pictures.url}/cat.png"},
            {"type": "file", "data": "JVBERg==", "name": "cat.pdf"},
        ]
        policy = EgressPolicy.of_rules({"127.0.0.1": [pictures.port]})
        node = {"id": "a", "type": "llm",
                "config": {"model": "m", "messages": [{"role": "user", "content": content}]}}  # fmt: skip
        http, strict = HttpClient(policy), HttpClient()
        services = {Models: models_at(server), HttpClient: http}
        ran = await run({"nodes": [node]}, {"what": "this"}, services)
        assert ran.output["text"] == "A cat."
        sent = server.requests[0].json["messages"][0]["content"]
        assert sent[0] == {"type": "text", "text": "What is this?"}
        assert sent[1]["image_url"]["url"] == "data:image/png;base64,UE5HIQ=="
        assert sent[2]["file"]["file_data"] == "data:application/pdf;base64,JVBERg=="
        with pytest.raises(NodeFailed) as caught:
            await run({"nodes": [node]}, {"what": "this"}, {**services, HttpClient: strict})
        assert caught.value.code == "egress-denied"
        for client in (http, strict):
            await client.aclose()


async def test_all_parameters_are_passed_on() -> None:
    with serving(lambda request: completion("ok")) as server:
        await ask(
            models_at(server, "openai/gpt-4o"), prompt="Hi", presence_penalty=0.5, logprobs=True,
            top_logprobs=2, seed=7,
        )  # fmt: skip
    body = server.requests[0].json
    assert (body["presence_penalty"], body["logprobs"], body["top_logprobs"]) == (0.5, True, 2)
    assert body["seed"] == 7


ROUTED = {
    "nodes": [
        {
            "id": "sort",
            "type": "classify",
            "config": {
                "model": "m",
                "text": "{{input.text}}",
                "labels": {"fault": "Something is broken.", "question": "Somebody asks."},
                "min_confidence": 0.6,
                "fallback": "person",
            },
        },
        *(
            {"id": name, "type": "template", "config": {"template": name}}
            for name in ("fault", "question", "person")
        ),
    ],
    "edges": [
        {"source": "sort", "target": name, "branch": name}
        for name in ("fault", "question", "person")
    ],
}


@pytest.mark.parametrize(
    ("answer", "way"),
    [
        ({"label": "fault", "confidence": 0.9}, "fault"),
        ({"label": "fault", "confidence": 0.5}, "person"),
        ({"label": "question", "confidence": 1}, "question"),
    ],
)
async def test_a_label_is_a_branch_and_low_confidence_takes_the_fallback(
    answer: Any, way: str
) -> None:
    with serving(lambda request: completion(json.dumps(answer))) as server:
        models = models_at(server, "openai/gpt-4o-mini")
        ran = await run(ROUTED, {"text": "It broke."}, {Models: models})
    assert ran.output == {"text": way}
    body = server.requests[0].json
    assert "- fault: Something is broken." in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == "It broke."
    label = body["response_format"]["json_schema"]["schema"]["properties"]["label"]
    assert label["enum"] == ["fault", "question"]


async def test_a_wrong_label_is_asked_for_again() -> None:
    answers = iter(
        ['{"label": "nonsense", "confidence": 1}', '{"label": "fault", "confidence": 1}']
    )
    with serving(lambda request: completion(next(answers))) as server:
        ran = await run(ROUTED, {"text": "It broke."}, {Models: models_at(server)})
    assert (ran.output, len(server.requests)) == ({"text": "fault"}, 2)


async def test_a_call_that_could_exceed_the_budget_is_not_sent() -> None:
    asked = {"type": "llm", "config": {"model": "m", "prompt": "Hi", "max_tokens": 50}}
    nodes = [{**asked, "id": "a"}, {**asked, "id": "b", "depends_on": ["a"]}]
    with serving(lambda request: completion("ok", prompt=40, answer=50)) as server:
        models = models_at(server)
        budget = Budget(tokens=140)
        with pytest.raises(NodeFailed, match="budget is 140 tokens; 90 are spent") as caught:
            await run({"nodes": nodes}, services={Models: models}, budget=budget)
        assert (caught.value.code, caught.value.node_id) == ("budget-exceeded", "b")
        # 90 tokens of gpt-4 cost 0.0042 dollars, and the next call could use as many.
        with pytest.raises(NodeFailed, match=r"0\.0042 are spent"):
            await run({"nodes": nodes}, services={Models: models}, budget=Budget(cost=0.005))
        assert len(server.requests) == 2
        enough = Budget(cost=1.0, tokens=1_000)
        await run({"nodes": nodes}, services={Models: models}, budget=enough)


async def test_litellm_prepares_nothing_for_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []

    async def report(*_: Any, **__: Any) -> None:
        reported.append(_)

    monkeypatch.setattr(Logging, "async_success_handler", report)
    with serving(lambda request: completion("Rome")) as server:
        address = f"{server.url}/v1"
        asked = {"messages": [{"role": "user", "content": "Where?"}], "api_key": KEY}
        await litellm.acompletion(model="openai/gpt-4", api_base=address, **asked)
        await asyncio.sleep(0.1)
        assert reported
        reported.clear()
        await ask(models_at(server), prompt="Where?")
        await asyncio.sleep(0.1)
    assert not reported
