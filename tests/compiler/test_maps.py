"""The pace of a map, and what its results are."""

from typing import Any

import pytest

from fakes.flows import compiled, registry, run
from fakes.segments import Run
from fakes.virtual_time import in_virtual_time
from flowc.compiler.check import check_workflow
from flowc.compiler.node.interrupts import Answer, Ask, wait_here
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")

YES = Answer({"choice": "approve"})


def node(id: str, type: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "depends_on": list(after), "config": config}


def mapped(items: Any, *body: Any, **config: Any) -> dict[str, Any]:
    return node("each", "map", items=items, body={"nodes": list(body)}, **config)


ASKING = (node("w", "note"), node("ask", "human", "w", title="{{item}}?"), node("x", "note", "ask"))


async def test_with_one_at_a_time_the_next_item_begins_when_the_one_before_has_its_answer() -> None:
    each = Run(
        {"nodes": [mapped(["p", "q", "r"], *ASKING, max_parallel=1), node("end", "note", "each")]}
    )
    answers: dict[str, Answer] = {}
    for count, title in enumerate(["p?", "q?", "r?"]):
        await each.resume(answers)
        [asked] = each.asked.values()
        assert (asked["data"]["title"], each.turns["w"], each.turns["x"]) == (
            title,
            count + 1,
            count,
        )
        answers |= {asked["id"]: YES}
    await each.resume(answers)
    assert each.turns == {"w": 3, "x": 3, "end": 1}
    assert each.events_by_node("node.started")["w"] == 3


async def test_items_that_wait_count_among_those_of_a_written_max_parallel() -> None:
    each = Run({"nodes": [mapped(["p", "q", "r", "s"], *ASKING, max_parallel=2)]})
    await each.resume()
    titles = {asked["data"]["title"]: id for id, asked in each.asked.items()}
    assert sorted(titles) == ["p?", "q?"]
    await each.resume({titles["q?"]: YES})
    assert sorted(asked["data"]["title"] for asked in each.asked.values()) == ["p?", "r?"]


async def test_a_batch_begins_when_the_one_before_has_finished() -> None:
    each = Run({"nodes": [mapped(["p", "q", "r"], *ASKING, batch_size=2)]})
    await each.resume()
    first = dict.fromkeys(each.asked, YES)
    assert len(first) == 2
    await each.resume(dict(list(first.items())[:1]))
    assert (len(each.asked), each.turns["w"]) == (1, 2)
    await each.resume(first)
    assert (len(each.asked), each.turns["w"]) == (1, 3)


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"interval": 10}, 40.0),
        ({"interval": 10, "batch_size": 2}, 20.0),
        ({"interval": "10s", "max_parallel": 3}, 10.0),
        ({"interval": 10, "batch_size": 5}, 0.0),
        ({"batch_size": 2}, 0.0),
        ({"interval": 10, "batch_size": 4, "max_parallel": 1}, 10.0),
    ],
)
def test_an_interval_is_a_pause_between_batches(more: dict[str, Any], seconds: float) -> None:
    waited: list[float] = []

    async def wait_for(ask: Ask) -> Answer:
        waited.append(ask.seconds or 0.0)
        return await wait_here(ask)

    work = run({"nodes": [mapped([1, 2, 3, 4, 5], node("w", "note"), **more)]}, wait_for=wait_for)
    assert in_virtual_time(work).output["results"] == [1, 2, 3, 4, 5]
    assert sum(waited) == seconds


async def test_a_long_pause_ends_the_segment_and_is_not_made_again() -> None:
    each = Run({"nodes": [mapped([1, 2, 3], node("w", "note"), interval="5m")]})
    answers: dict[str, Answer] = {}
    for ran in (1, 2):
        await each.resume(answers)
        [asked] = each.asked.values()
        assert (asked["kind"], asked["seconds"], each.turns["w"]) == ("timer", 300.0, ran)
        answers |= {asked["id"]: Answer()}
    await each.resume(answers)
    assert (each.output["results"], each.turns["w"]) == ([1, 2, 3], 3)


SCORES = (
    node("double", "transform", data=None, expression="item * 2"),
    node("words", "template", "double", template="{{item}} twice is {{double.output}}"),
)


@pytest.mark.parametrize(
    ("select", "results"),
    [
        ("{{double.output}}", [2, 4]),
        ("double.output", [2, 4]),
        ("{{words.output.text}}", ["1 twice is 2", "2 twice is 4"]),
        ("{{result.text|length}}", [12, 12]),
        (
            "{{ {'n': index, 'twice': double.output} }}",
            [{"n": 0, "twice": 2}, {"n": 1, "twice": 4}],
        ),
        ("{{item}}", [1, 2]),
    ],
)
async def test_select_says_what_the_result_of_an_item_is(select: str, results: list[Any]) -> None:
    ran = await run({"nodes": [mapped([1, 2], *SCORES, select=select)]})
    assert ran.output == {"results": results, "errors": []}


async def test_stop_when_reads_what_is_selected() -> None:
    each = mapped(
        [1, 2, 3], *SCORES, select="{{double.output}}", stop_when="{{result}} >= 4", max_parallel=1
    )
    assert (await run({"nodes": [each]})).output["results"] == [2, 4]


@pytest.mark.parametrize(
    ("on_error", "results", "errors"), [("collect", [2, None], [1]), ("skip", [2], [1])]
)
async def test_an_item_without_what_is_selected_has_failed(
    on_error: str, results: list[Any], errors: list[int]
) -> None:
    each = mapped(
        [{"n": 2}, {}],
        node("take", "template", template="x"),
        select="{{item.n}}",
        on_error=on_error,
    )
    output = (await run({"nodes": [each]})).output
    assert (output["results"], [error["index"] for error in output["errors"]]) == (results, errors)
    assert output["errors"][0]["code"] == "expression-failed"


async def test_without_on_error_it_fails_the_map() -> None:
    each = mapped([{"n": 2}, {}], node("take", "template", template="x"), select="{{item.n}}")
    with pytest.raises(NodeFailed) as failed:
        await run({"nodes": [each]})
    assert failed.value.code == "expression-failed"


def hints(**config: Any) -> list[str | None]:
    return [
        each.hint
        for each in check_workflow(
            from_data({"nodes": [mapped([1], *SCORES, **config)]}), registry()
        )
        if each.severity == "error"
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("MaxConcurrency", "max_parallel"), ("concurrencyLimit", "max_parallel"),
        ("parallelism", "max_parallel"), ("parallel_nums", "max_parallel"),
        ("batchSize", "batch_size"), ("MaxItemsPerBatch", "batch_size"),
        ("batchInterval", "interval"), ("output_selector", "select"), ("output", "select"),
    ],
)  # fmt: skip
def test_other_tools_words_are_recognised(key: str, meant: str) -> None:
    [hint] = hints(**{key: 1})
    assert hint is not None and meant in hint


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ({"select": "{{doubel.output}}"}, "double"),
        ({"select": "{{double.text}}"}, "double.output.text"),
        ({"select": "{{double.output"}, ""),
        ({"batch_size": 0}, ""),
        ({"interval": "soon"}, ""),
    ],
)
def test_mistakes_are_refused_before_the_run(config: dict[str, Any], hint: str) -> None:
    [found] = hints(**config)
    assert hint in (found or "")


def test_a_map_that_pauses_may_wait() -> None:
    plan = compiled({"nodes": [mapped([1], node("w", "note"), interval=5)]}).plan
    assert plan.may_wait
    assert not compiled({"nodes": [mapped([1], node("w", "note"))]}).plan.may_wait
