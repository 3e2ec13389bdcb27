"""What a node has inside: a body to run, and its part of the journal."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from flowc.compiler.node import Outcome, RunBody
from flowc.compiler.node.context import no_body


def nothing_recorded(key: str) -> Outcome | None:
    """Return None: there is no journal."""
    return None


def record_nothing(key: str, outcome: Outcome) -> None:
    """Do nothing: there is no journal."""


async def flush_nothing() -> None:
    """Do nothing: there is no journal."""


class Inside(NamedTuple):
    """What a node has inside: a body to run, and its part of the journal, for `context.once`."""

    run_body: RunBody = no_body
    recorded: Callable[[str], Outcome | None] = nothing_recorded
    record: Callable[[str, Outcome], None] = record_nothing
    flush: Callable[[], Awaitable[None]] = flush_nothing


NOTHING_INSIDE = Inside()


def counted_key(key: str) -> str:
    """Return the key under which the journal says that the cost of a result was counted."""
    return f"{key}!counted"
