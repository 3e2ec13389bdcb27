"""Writes the reference page of metrics."""

from collections.abc import Iterator

from flowc.server.numbers.metrics import Metrics

_ABOUT = """# Metrics

`GET /metrics` answers with these, in Prometheus's text format. [operating.md](operating.md#metrics)
says who may read them. A histogram has the names with `_bucket`, `_sum` and `_count` at their ends.

`workflow` is the id of a stored workflow, or `inline` for definitions in requests. The first
hundred workflows of all tenants together have series of their own since the start of the process,
and all others share `other`. So it is with a hundred models. `process_…` are CPU, memory and open
files of the process, as Prometheus's client library names them.
"""


def metrics_page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield _ABOUT
    yield "| metric | type | labels | |"
    yield "|---|---|---|---|"
    for each in Metrics().described:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.text} |"
