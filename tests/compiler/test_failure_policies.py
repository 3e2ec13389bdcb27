"""Retries by status, code and condition; and one diagnostic for one mistake about failures."""

from typing import Any, ClassVar

import pytest

from fakes.flows import Turns, compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")

FAST = {"max_attempts": 4, "initial_delay": 0.001, "jitter": False}


class Busy(Node):
    """Answer with one status after the other; one below 400 is no failure."""

    type: ClassVar = "busy"
    statuses: list[int]

    async def run(self, context: Context) -> dict[str, Any]:
        turns = context.service(Turns)
        status = self.statuses[turns[context.node_id]]
        turns[context.node_id] += 1
        if status < 400:
            return {"status": status, "state": "done" if status == 200 else "running"}
        details = {"status": status, "body": {"wait": status == 409}}
        raise NodeError("http-status", f"The service answered {status}.", details=details)


async def tried(statuses: list[int], **retry: Any) -> tuple[Any, int]:
    node = {"id": "a", "type": "busy", "config": {"statuses": statuses}, "retry": {**FAST, **retry}}
    turns = Turns()
    ran = await run(compiled({"nodes": [node]}, Busy), services={Turns: turns})
    return ran.output, turns["a"]


@pytest.mark.parametrize("on", [[429], ["429"], ["4xx"], ["4XX"], ["http-status"], ["any"]])
async def test_a_failure_is_retried_by_its_status_or_code(on: list[Any]) -> None:
    assert (await tried([429, 429, 200], on=on))[1] == 3


@pytest.mark.parametrize("on", [[503], ["5xx"], ["timeout"], ["card-refused"]])
async def test_a_failure_of_another_status_or_code_is_not_retried(on: list[Any]) -> None:
    with pytest.raises(NodeFailed, match="answered 429") as caught:
        await tried([429, 200], on=on)
    assert caught.value.attempt == 1


async def test_a_failure_is_retried_while_a_condition_on_it_holds() -> None:
    assert (await tried([409, 409, 200], on=["any"], when="error.body.wait"))[1] == 3
    with pytest.raises(NodeFailed, match="answered 404") as caught:
        await tried([409, 404, 200], on=["any"], when="{{error.status}} == 409")
    assert caught.value.attempt == 2


async def test_an_output_is_asked_for_again_until_a_condition_holds() -> None:
    output, turns = await tried([202, 202, 200], until="{{output.state}} == 'done'")
    assert (output["status"], turns) == (200, 3)
    with pytest.raises(NodeFailed, match=r"does not fulfil .retry\.until. yet") as caught:
        await tried([202] * 4, until="output.state == 'done'")
    assert (caught.value.code, caught.value.attempt) == ("not-yet", 4)


async def test_a_condition_that_has_no_value_fails_the_node() -> None:
    with pytest.raises(NodeFailed) as caught:
        await tried([202, 200], until="output.stat == 'done'")
    assert caught.value.code == "expression-failed"


async def test_a_subworkflow_is_retried_by_what_failed_in_it() -> None:
    inner = {"nodes": [{"id": "a", "type": "busy", "config": {"statuses": [503, 200]}}]}
    retry = {**FAST, "on": ["5xx"]}
    node = {"id": "sub", "type": "subworkflow", "config": {"workflow": inner}, "retry": retry}
    turns = Turns()
    ran = await run(compiled({"nodes": [node]}, Busy), services={Turns: turns})
    assert (ran.output["status"], turns["a"]) == (200, 2)


def problems(**node: Any) -> list[Diagnostic]:
    base = {"id": "a", "type": "template", "config": {"template": "x"}}
    data = {"variables": {"x": 1}, "nodes": [{**base, **node}]}
    try:
        found = check_workflow(from_data(data), registry())
    except DefinitionRefused as refused:
        found = list(refused.diagnostics)
    return [each for each in found if each.severity == "error"]


BODY = {"nodes": [{"id": "b", "type": "template", "config": {"template": "x"}}]}


def on(*words: Any) -> dict[str, Any]:
    return {"retry": {"max_attempts": 2, "on": list(words)}}


def retry(**given: Any) -> dict[str, Any]:
    return {"retry": given}


def trying(**config: Any) -> dict[str, Any]:
    return {"type": "try", "config": config}


def seen(template: str) -> dict[str, Any]:
    return {"nodes": [{"id": "c", "type": "template", "config": {"template": template}}]}


# What an author writes, where the one diagnostic is, and a part of its hint.
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    (on("timout"), "/retry/on/0", "Did you mean 'timeout'?"),
    (on("rate_limit"), "/retry/on/0", "Did you mean 'rate-limit'?"),
    (on("server error"), "/retry/on/0", "Did you mean 'server-error'?"),
    (on("Any"), "/retry/on/0", "Did you mean 'any'?"),
    (on("*"), "/retry/on/0", "Did you mean 'any'?"),
    (on("States.ALL"), "/retry/on/0", "Did you mean 'any'?"),
    (on("States.Timeout"), "/retry/on/0", "Did you mean 'timeout'?"),
    (on("TimeoutError"), "/retry/on/0", "Did you mean 'timeout'?"),
    (on("HTTP_429"), "/retry/on/0", "Did you mean '429'?"),
    (on("http 503"), "/retry/on/0", "Did you mean '503'?"),
    (on("500-599"), "/retry/on/0", "Did you mean '5xx'?"),
    (on(99), "/retry/on/0", "a status is 429 or 5xx"),
    (on(True), "/retry/on/0", "The kinds are timeout"),
    (on(None), "/retry/on/0", "The kinds are timeout"),
    (on("my code"), "/retry/on/0", "The kinds are timeout"),
    (retry(on="timeout"), "/retry/on", "Write on: [timeout]."),
    (retry(on=429), "/retry/on", "Write on: [429]."),
    (retry(when="eror.status == 5"), "/retry/when", "Did you mean 'error'?"),
    (retry(when="error.status =="), "/retry/when", "missing"),
    (retry(until="outpt.x"), "/retry/until", "Did you mean 'output'?"),
    (retry(maxTries=3), "/retry/maxTries", "max_attempts"),
    (retry(MaxAttempts=3), "/retry/MaxAttempts", "max_attempts"),
    (retry(IntervalSeconds=3), "/retry/IntervalSeconds", "initial_delay"),
    (retry(interval="PT3S"), "/retry/interval", "initial_delay"),
    (retry(ErrorEquals=["States.ALL"]), "/retry/ErrorEquals", "on"),
    ({"retry": 3}, "/retry", "Write retry: {max_attempts: 3}."),
    ({"retry": "always"}, "/retry", "Write an object"),
    ({"on_error": "contnue"}, "/on_error", "Did you mean 'continue'?"),
    ({"on_error": "ignore"}, "/on_error", "Write continue."),
    ({"on_error": "continueRegularOutput"}, "/on_error", "Write continue."),
    ({"on_error": "stop"}, "/on_error", "Write fail."),
    ({"on_error": True}, "/on_error", "Write continue."),
    ({"on_error": {"outptu": 1}}, "/on_error/outptu", "Did you mean 'output'?"),
    ({"on_error": {"goto": 5}}, "/on_error/goto", "Put it into quotes"),
    ({"on_error": {"goto": "b", "output": 1}}, "/on_error/goto", "Only one of `goto` and"),
    ({"on_error": {"retry": 3}}, "/on_error/retry", "Available: goto, output."),
    ({"allowFailure": True}, "/allowFailure", "on_error"),
    (trying(), "/config", "For example body"),
    (trying(body=BODY, retry={"max_attempts": 2}), "/config/retry", "Move it out of 'config'"),
    (trying(body=BODY, catch=[BODY]), "/config/catch", "Write an object"),
    (trying(body=BODY, catch={}), "/config/catch", "Start with `nodes:`"),
    (trying(body=BODY, **{"except": BODY}), "/config/except", "Write `catch`."),
    (trying(body=BODY, **{"ensure": BODY}), "/config/ensure", "Write `finally`."),
    (trying(**{"try": BODY}), "/config/try", "Write `body`."),
    (trying(body=BODY, retry_if="true"), "/config", "flowc nodes try"),
    (trying(body=BODY, catch=seen("x"), catch_on=["timout"]), "/config/catch_on/0", "'timeout'"),
    (trying(body=BODY, catch=seen("x"), catch_on="any"), "/config/catch_on", "catch_on: [any]"),
    (
        trying(body=BODY, catch=seen("{{eror.code}}")),
        "/config/catch/nodes/0/config/template",
        "Did you mean 'error'?",
    ),
    (
        trying(body=BODY, catch=seen("{{b.output.text}}")),
        "/config/catch/nodes/0/config/template",
        "Available: c, env, error",
    ),
    ({**trying(body=BODY), "cache": {"ttl": "5m"}}, "/cache", "on the nodes in its body"),
    ({"type": "try.body", "config": {"body": BODY}}, "/type", "lists the node types"),
]


@pytest.mark.parametrize(("node", "at", "hint"), MISTAKES, ids=lambda each: str(each)[:50])
def test_one_mistake_has_one_diagnostic_with_a_hint(
    node: dict[str, Any], at: str, hint: str
) -> None:
    found = problems(**node)
    assert [each.at.pointer for each in found] == [f"/nodes/0{at}"], found
    assert hint in str(found[0].hint)


def test_codes_of_the_authors_own_are_words_for_failures() -> None:
    for word in ("card-refused", "CardRefused", "E_42", 429, "5xx", "http-status"):
        assert problems(**on(word)) == []
