"""Large values are read, checked and written in threads, and give the same as small ones."""

import asyncio
import gc
import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.reading.large_values import (
    LARGE_COUNT,
    LARGE_TEXT,
    dump_json,
    has_more_values,
    in_worker,
    is_large,
    load_json,
)
from flowc.compiler.reading.plain_json import NotPlain, plain_from, read_plain
from flowc.compiler.running.outcomes import plain_outcome
from flowc.compiler.running.redaction import Redactor

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def count(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + sum(map(count, inner)) if isinstance(value, (dict, list)) else 1


@given(JSON, st.sampled_from([None, 2]))
@settings(deadline=None)
def test_the_values_in_a_text_are_counted(value: Any, indent: int | None) -> None:
    text, values = json.dumps(value, indent=indent), count(value)
    assert not has_more_values(text, values)
    assert has_more_values(text, values - 1)


@given(JSON)
@settings(max_examples=10, deadline=None)
def test_a_large_value_is_written_and_read_as_a_small_one_is(value: Any) -> None:
    for large in ([value] * LARGE_COUNT, {"a": value, "b": [[value, 2**70, 0.1]] * LARGE_COUNT}):
        assert is_large(large)
        assert dump_json(large) == json.dumps(large)
        assert load_json(dump_json(large)) == large


async def test_work_on_large_values_is_done_in_a_thread_without_a_search_for_garbage() -> None:
    def work() -> tuple[bool, bool]:
        return threading.current_thread() is threading.main_thread(), gc.isenabled()

    assert await in_worker(work) == (False, False)
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        await in_worker(lambda: 1 // 0)
    assert gc.isenabled()


class Watched(Redactor):
    """A redactor that notes whether the thread of the event loop uses it."""

    def __init__(self) -> None:
        super().__init__(["sesame"])
        self.used_by: set[bool] = set()

    def json(self, value: Any) -> Any:
        self.used_by.add(threading.current_thread() is threading.main_thread())
        return super().json(value)


@pytest.mark.parametrize("is_many", [False, True], ids=["few values", "many values"])
async def test_a_large_output_is_checked_in_a_thread(is_many: bool) -> None:
    redactor, output = Watched(), ["sesame"] * (2 * LARGE_COUNT if is_many else 2)
    found = await plain_outcome(Outcome(output), redactor)
    assert (found.output, redactor.used_by) == (["[secret]"] * len(output), {not is_many})


async def test_a_large_output_that_is_not_plain_is_refused() -> None:
    with pytest.raises(NodeError, match="not a JSON value"):
        await plain_outcome(Outcome([0.0] * 2 * LARGE_COUNT + [float("nan")]), Redactor())
    with pytest.raises(NodeError, match="more than 400,000 values"):
        await plain_outcome(Outcome([0] * 500_000), Redactor())


def test_an_answer_with_too_many_values_is_not_read() -> None:
    with pytest.raises(NotPlain, match="more than 400,000 values"):
        # It is not JSON, which would be found only when it is read.
        plain_from("[" + "1," * 400_000 + "]")


@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
async def test_a_long_answer_is_read_while_other_tasks_continue(is_long: bool) -> None:
    text = json.dumps(["x"] * (LARGE_TEXT if is_long else 1))
    other = asyncio.create_task(asyncio.sleep(0))
    assert await read_plain(text) == json.loads(text)
    # A task that was waiting had its turn only where the reading gave it one.
    assert other.done() is is_long
    await other
