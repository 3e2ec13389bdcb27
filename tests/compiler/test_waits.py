"""Waits: short ones within the run, and those for one or several signals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.flows import compiled, registry, run
from fakes.segments import Run
from fakes.virtual_time import in_virtual_time, now
from flowc.compiler.check import check_workflow
from flowc.compiler.definition.durations import seconds
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed, RunContext

pytestmark = pytest.mark.usefixtures("granularity")

MOMENT = datetime(2025, 3, 1, tzinfo=UTC)


def waiting(**config: Any) -> Run:
    return Run({"nodes": [{"id": "w", "type": "wait", "config": config}]})


def names(each: Run) -> dict[str, str]:
    return {asked["data"]["signal"]: id for id, asked in each.asked.items()}


def sent(data: Any, second: int = 0) -> Answer:
    return Answer(data, moment=MOMENT + timedelta(seconds=second))


@pytest.mark.parametrize(
    "config", [{"for": 0}, {"for": "0s"}, {"for": "{{0}}"}, {"until": "2020-01-01"}]
)
async def test_nothing_to_wait_for_is_no_failure(config: dict[str, Any]) -> None:
    each = waiting(**config)
    await each.resume()
    assert each.output == {"waited": 0}


@pytest.mark.parametrize("time", [0.2, "1s", 1.9, "1500ms", "PT1.5S"])
def test_a_wait_under_two_seconds_takes_place_within_the_run_and_ends_on_time(time: Any) -> None:
    async def waited() -> float:
        each = waiting(**{"for": time})
        await each.resume()
        assert each.output == {"waited": seconds(time)}
        return now()

    assert in_virtual_time(waited()) == pytest.approx(seconds(time))


async def test_a_longer_wait_suspends_the_run() -> None:
    each = waiting(**{"for": 2})
    await each.resume()
    [asked] = each.asked.values()
    assert (asked["kind"], asked["seconds"]) == ("timer", 2)


def test_a_moment_that_is_near_is_waited_for_within_the_run() -> None:
    async def waited() -> float:
        definition = {
            "nodes": [{"id": "w", "type": "wait", "config": {"until": "2025-03-01T00:00:01Z"}}]
        }
        workflow = compiled(definition)
        context = RunContext(can_wait=True, now=lambda: MOMENT)
        state = await workflow.graph.ainvoke(workflow.initial_state({}), context=context)
        assert state["outputs"]["w"] == {"waited": 1.0}
        return now()

    assert in_virtual_time(waited()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "value"), [("PT5S", 5), ("PT1H30M", 5400), ("P1D", 86400), ("P1DT2H", 93600), ("PT0.5S", 0.5), ("P2W", 1209600)]
)  # fmt: skip
def test_durations_of_iso_8601_are_read(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["P", "PT", "P1M", "P1Y", "5", "1h30m", "-5s", ""])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        seconds(text)


async def test_the_first_of_any_signals_ends_the_wait() -> None:
    each = waiting(any=["paid", {"signal": "cancelled", "key": 7}])
    await each.resume()
    assert {(a["data"]["signal"], a["data"]["key"]) for a in each.asked.values()} == {
        ("paid", ""),
        ("cancelled", "7"),
    }
    await each.resume({names(each)["cancelled"]: sent({"why": "late"})})
    assert each.output == {
        "signal": "cancelled", "key": "7", "data": {"why": "late"}, "timed_out": False,
        "received": [{"signal": "cancelled", "key": "7", "data": {"why": "late"}}],
        "signals": {"cancelled": {"why": "late"}},
    }  # fmt: skip


async def test_of_two_that_have_arrived_the_earlier_one_counts() -> None:
    each = waiting(any=["a", "b"])
    await each.resume()
    ids = names(each)
    await each.resume({ids["a"]: sent(1, 5), ids["b"]: sent(2, 3)})
    assert (each.output["signal"], each.output["data"]) == ("b", 2)


async def test_all_signals_must_arrive_in_any_order() -> None:
    each = waiting(all=["a", "b", "c"])
    await each.resume()
    ids, answers = names(each), dict[str, Answer]()
    for second, name in enumerate(["c", "a"]):
        answers[ids[name]] = sent(name.upper(), second)
        await each.resume(answers)
        assert set(names(each)) == {n for n in ids if ids[n] not in answers}
    answers[ids["b"]] = sent("B", 9)
    await each.resume(answers)
    assert each.output is not None
    assert each.output["signals"] == {"a": "A", "b": "B", "c": "C"}
    assert [one["signal"] for one in each.output["received"]] == ["c", "a", "b"]


async def test_a_signal_that_does_not_match_is_not_the_one() -> None:
    each, answers = waiting(signal="paid", where="{{data.amount}} > 100"), dict[str, Answer]()
    for amount in (5, 50, 500):
        await each.resume(answers)
        [id] = each.asked
        answers[id] = sent({"amount": amount}, amount)
    await each.resume(answers)
    assert each.output == {"signal": "paid", "data": {"amount": 500}, "timed_out": False}


async def test_signals_are_collected_until_a_condition_holds() -> None:
    each, answers = (
        waiting(signal="vote", where="data.by != 'bot'", stop_when="received|length >= 2"),
        dict[str, Answer](),
    )
    for second, by in enumerate(["ada", "bot", "bea"]):
        await each.resume(answers)
        [id] = each.asked
        answers[id] = sent({"by": by}, second)
    await each.resume(answers)
    assert [one["data"]["by"] for one in each.output["received"]] == ["ada", "bea"]


async def test_a_quorum_over_several_names() -> None:
    stop = "{{received|map(attribute='signal')|unique|list|length >= 2}}"
    each, answers = waiting(any=["ada", "bea", "cy"], stop_when=stop), dict[str, Answer]()
    await each.resume()
    answers[names(each)["bea"]] = sent(1, 1)
    await each.resume(answers)
    assert set(names(each)) == {"ada", "bea", "cy"}
    answers[names(each)["bea"]] = sent(2, 2)
    await each.resume(answers)
    answers[names(each)["cy"]] = sent(3, 3)
    await each.resume(answers)
    assert [one["data"] for one in each.output["received"]] == [1, 2, 3]


async def test_two_conditions_on_one_signal() -> None:
    low, high = ({"signal": "n", "where": f"{{{{data}}}} {test}"} for test in ("< 10", ">= 10"))
    each, answers = waiting(all=[low, high]), dict[str, Answer]()
    for number in (1, 2, 30):
        await each.resume(answers)
        [id] = each.asked
        answers[id] = sent(number, number)
    await each.resume(answers)
    assert [one["data"] for one in each.output["received"]] == [1, 2, 30]


@pytest.mark.parametrize("rule", ["any", "all"])
async def test_after_the_timeout_the_default_counts(rule: str) -> None:
    each = waiting(**{rule: ["a", "b"], "timeout": "1h", "default": {"none": True}})
    await each.resume()
    assert {asked["seconds"] for asked in each.asked.values()} == {3600}
    await each.resume({names(each)["a"]: Answer(is_late=True)})
    assert (each.output["timed_out"], each.output["data"]) == (True, {"none": True})


async def test_without_a_default_too_few_signals_are_a_failure() -> None:
    each = waiting(all=["a", "b"], timeout="1h")
    await each.resume()
    ids = names(each)
    with pytest.raises(NodeFailed, match="did not arrive in time") as failed:
        await each.resume({ids["a"]: sent(1), ids["b"]: Answer(is_late=True)})
    assert failed.value.code == "timeout"


async def test_the_timeout_is_one_for_all_signals_that_are_collected() -> None:
    each = waiting(signal="vote", stop_when="received|length >= 3", timeout="1h")
    await each.resume()
    [first] = each.asked
    await each.resume({first: sent(1)})
    [second] = each.asked.values()
    assert 3000 < second["seconds"] < 3600


@pytest.mark.parametrize(
    "config",
    [
        {}, {"for": 1, "signal": "a"}, {"for": 1, "timeout": 2}, {"any": ["a"], "all": ["b"]},
        {"any": []}, {"any": ["a"], "key": 1}, {"all": ["a"], "stop_when": "true"}, {"for": -1},
        {"for": 1, "stop_when": "true"}, {"any": [{"signal": "a", "whre": "x"}]}, {"any": [""]},
        {"signal": "a", "where": "{{dta.x}}"}, {"any": [{"key": 1}]}, {"until": 5, "default": 1},
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_the_run(config: dict[str, Any]) -> None:
    definition = {"nodes": [{"id": "w", "type": "wait", "config": config}]}
    errors = [d for d in check_workflow(from_data(definition), registry()) if d.severity == "error"]
    assert errors and all(each.hint for each in errors)


async def test_an_uncomputed_negative_wait_fails_with_a_sentence() -> None:
    with pytest.raises(NodeFailed, match="for"):
        await run({"nodes": [{"id": "w", "type": "wait", "config": {"for": "{{0 - 5}}"}}]})


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("seconds", "for"), ("duration", "for"), ("amount", "for"), ("timestamp", "until"),
        ("event", "signal"), ("events", "any"), ("correlationKey", "key"), ("filter", "where"),
        ("required_events", "stop_when"),
    ],
)  # fmt: skip
def test_other_tools_words_are_recognised(key: str, meant: str) -> None:
    definition = {"nodes": [{"id": "w", "type": "wait", "config": {key: 1}}]}
    hints = [each.hint or "" for each in check_workflow(from_data(definition), registry())]
    assert f"Write `{meant}`." in hints
