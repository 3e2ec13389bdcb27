"""Values cut to a size that a client asks for, so that a run of big outputs stays small."""

from typing import Annotated, Any

from fastapi import Query

from flowc.compiler.reading.large_values import dump_json

MostBytes = Annotated[
    int | None,
    Query(
        ge=100,
        le=10_000_000,
        description='Values of more bytes as JSON are cut: `{"$cut": {"bytes": …, "start": …}}` is'
        " in their place. `GET /runs/{run_id}/nodes/{node}/output` returns one whole.",
    ),
]
# Characters of a value that are shown in its place.
_START = 200


def shortened(value: Any, most: int | None) -> Any:
    """Return a value, or what stands for it if it has more bytes as JSON than `most`.

    >>> shortened({"text": "short"}, 100), shortened("x" * 300, 100)["$cut"]["bytes"]
    ({'text': 'short'}, 302)
    """
    if most is None:
        return value
    text = dump_json(value)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size <= most:
        return value
    return {"$cut": {"bytes": size, "start": text[: min(_START, most)]}}
