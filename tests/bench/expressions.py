"""The rows of expressions beside Jinja's sandbox: `python -m bench.expressions` measures them alone."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bench import rivals
from bench.measuring import Row, measured, show
from flowc.compiler.expressions import compile_condition, compile_template

ORDERS = [
    {"name": f"n{i}", "price": i * 1.5, "tags": ["a", "b"], "is_paid": i % 3 > 0}
    for i in range(100)
]
NAMES: Mapping[str, Any] = {
    "a": {"output": {"category": "technical", "name": "you"}},
    "title": "  The app CRASHES when I log in, every time  ",
    "orders": ORDERS,
}


class Text(NamedTuple):
    """A text that both languages evaluate, how often in one measurement, and its bar."""

    name: str
    source: str
    times: int
    bar: float


_OF_100 = "of 100 items"
TEXTS = (
    Text("template", "Dear {{a.output.name}}: {{a.output.category}}!", 5_000, 0.4),
    Text("filter chain", "{{ title|trim|lower|replace(' ', '-')|truncate(20, true) }}", 2_000, 1.0),
    Text(
        f"filter chain {_OF_100}",
        "{{ orders|selectattr('is_paid')|map(attribute='name')|map('upper')|join(', ') }}",
        100,
        1.0,
    ),
    Text(f"for {_OF_100}", "{% for o in orders %}{{ o.name }}\n{% endfor %}", 100, 1.0),
    Text(
        f"for {_OF_100} with loop and arithmetic",
        "{% for o in orders %}{{ loop.index }}. {{ o.name }}: {{ o.price * 2 }}\n{% endfor %}",
        100,
        1.0,
    ),
    Text(
        f"for {_OF_100} with if and filters",
        "{% for o in orders if o.price > 30 %}- {{ o.name|upper }}"
        "{% if o.tags %} ({{ o.tags|join(', ') }}){% endif %}\n{% endfor %}",
        100,
        1.0,
    ),
)


async def rows() -> list[Row]:
    """Measure a condition and the texts, each time that they are evaluated."""
    condition = compile_condition("{{a.output.category}} == 'technical'").evaluate
    found = [await _row("condition", condition, rivals.jinja_condition(), 5_000, 0.4)]
    for text in TEXTS:
        mine, theirs = compile_template(text.source).evaluate, rivals.jinja_text(text.source)
        found.append(await _row(text.name, mine, theirs, text.times, text.bar))
    taken = {row.work.partition(",")[0]: row.ours for row in found}
    return [
        *found,
        Row("condition, beside 4 µs", taken["condition"], 4.0, "CPU µs", 1.0),
        Row("template, beside 10 µs", taken["template"], 10.0, "CPU µs", 1.0),
    ]


async def _row(
    name: str, mine: Callable[[Any], Any], theirs: Callable[..., Any], times: int, bar: float
) -> Row:
    assert mine(NAMES) == theirs(**NAMES)

    async def run_mine() -> None:
        for _ in range(times):
            mine(NAMES)

    async def run_theirs() -> None:
        for _ in range(times):
            theirs(**NAMES)

    ours, theirs_taken = await measured([run_mine, run_theirs], 15)
    each = ours * 1e6 / times, theirs_taken * 1e6 / times
    return Row(f"{name}, beside Jinja's sandbox", *each, "CPU µs", bar)


if __name__ == "__main__":
    show(asyncio.run(rows()))
