"""Plain JSON as text, off the event loop where it is large."""

from functools import partial
from typing import Any

from flowc.compiler.reading.large_values import dump_json, in_worker, is_large


async def json_text(value: Any) -> str:
    """Return plain JSON as text, without looking at it once more."""
    return await in_worker(partial(dump_json, value)) if is_large(value) else dump_json(value)
