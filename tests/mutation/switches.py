"""What a rewritten module asks before each refusal: whether it is disabled; it notes who asked."""

from collections.abc import Iterator
from contextlib import contextmanager

disabled: int | None = None
# The sites that each reader has reached: a test, or a fixture that several tests share.
seen: dict[str, set[int]] = {}
_readers: list[set[int]] = []


def reached(site: int) -> bool:
    """Note that the code of a site is about to run; return whether it may."""
    if _readers:
        _readers[-1].add(site)
    return site != disabled


def disable(site: int) -> None:
    """Let the code of one site never run."""
    global disabled  # noqa: PLW0603 - the rewritten modules have no other way to it
    disabled = site


@contextmanager
def reading(reader: str) -> Iterator[None]:
    """Note the sites that are reached within this context as those of a reader."""
    _readers.append(seen.setdefault(reader, set()))
    try:
        yield
    finally:
        _readers.pop()
