"""Rollups: what runs did in an hour or a day, in one row for each workflow, node, and model.

An example. Two runs of `support` end at 9:10 and at 9:40, and each leaves a tally. When they are
folded, both are in two rows of the workflow, that of the hour 9:00 and that of the day, and in the
day's rows of its nodes and of the models that it used. Afterwards, the tallies are gone.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Float, Integer, String, Text
from sqlalchemy import Table as TableClause
from sqlalchemy.orm import Mapped, mapped_column

from flowc.server.records.durations import Durations
from flowc.server.records.tallies import COUNTED_USAGE
from flowc.server.records.usage import NO_MODEL
from flowc.server.store.compact_json import compact_json
from flowc.server.store.tables import Table

HOUR, DAY = 1, 24
# The names of runs of definitions that are not stored, and of callers that are not known.
NO_WORKFLOW = NO_CALLER = ""
_SECONDS = 3_600
# The most characters of names that come from outside: they are in a key.
_MOST_CALLER, _MOST_MODEL, _MOST_NODE, _MOST_WORKFLOW = 200, 128, 256, 128
_TIMES = ("timed", "total_ms", "longest_ms")


class WorkflowTotalRow(Table):
    """What runs of a workflow did in an hour or a day; `start` is its first hour since 1970."""

    __tablename__ = "workflow_totals"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    width: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    runs: Mapped[int] = mapped_column(BigInteger)
    completed: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    cancelled: Mapped[int] = mapped_column(BigInteger)
    retried: Mapped[int] = mapped_column(BigInteger)
    calls: Mapped[float] = mapped_column(Float(53))
    prompt_tokens: Mapped[float] = mapped_column(Float(53))
    completion_tokens: Mapped[float] = mapped_column(Float(53))
    total_tokens: Mapped[float] = mapped_column(Float(53))
    cost: Mapped[float] = mapped_column(Float(53))
    timed: Mapped[int] = mapped_column(BigInteger)
    total_ms: Mapped[float] = mapped_column(Float(53))
    longest_ms: Mapped[float] = mapped_column(Float(53))
    classes: Mapped[str] = mapped_column(Text)


class NodeTotalRow(Table):
    """What the runs of a node did in a day."""

    __tablename__ = "node_totals"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    node: Mapped[str] = mapped_column(String(256), primary_key=True)
    runs: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    failed_attempts: Mapped[int] = mapped_column(BigInteger)
    timed: Mapped[int] = mapped_column(BigInteger)
    total_ms: Mapped[float] = mapped_column(Float(53))
    longest_ms: Mapped[float] = mapped_column(Float(53))
    classes: Mapped[str] = mapped_column(Text)


class ModelTotalRow(Table):
    """What runs of a workflow that a caller started used of a model in a day.

    The rows without a model have the number of all runs, and the usage that no model is known for.
    """

    __tablename__ = "model_totals"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    model: Mapped[str] = mapped_column(String(128), primary_key=True)
    started_by: Mapped[str] = mapped_column(String(200), primary_key=True)
    runs: Mapped[int] = mapped_column(BigInteger)
    calls: Mapped[float] = mapped_column(Float(53))
    prompt_tokens: Mapped[float] = mapped_column(Float(53))
    completion_tokens: Mapped[float] = mapped_column(Float(53))
    total_tokens: Mapped[float] = mapped_column(Float(53))
    cost: Mapped[float] = mapped_column(Float(53))


class Rollup(NamedTuple):
    """A table of rollups: its key, what is summed up, and whether it has durations."""

    table: TableClause
    keys: Sequence[str]
    sums: Sequence[str]
    is_timed: bool


def _rollup(name: str) -> Rollup:
    table = Table.metadata.tables[name]
    keys = [column.name for column in table.primary_key]
    others = {*keys, *_TIMES, "classes"}
    sums = [column.name for column in table.columns if column.name not in others]
    return Rollup(table, tuple(keys), tuple(sums), "classes" in table.columns)


WORKFLOW_TOTALS, NODE_TOTALS, MODEL_TOTALS = (
    _rollup(name) for name in ("workflow_totals", "node_totals", "model_totals")
)
ROLLUPS = (WORKFLOW_TOTALS, NODE_TOTALS, MODEL_TOTALS)


@dataclass
class Sums:
    """The sums of a row of a rollup, or of several together."""

    amounts: dict[str, float] = field(default_factory=dict)
    durations: Durations = field(default_factory=Durations)

    def add(self, other: "Sums") -> None:
        """Add the sums of another row."""
        for name, amount in other.amounts.items():
            self.amounts[name] = self.amounts.get(name, 0) + amount
        self.durations.add_all(other.durations)

    def of(self, name: str) -> float:
        """Return one of the sums."""
        return self.amounts.get(name, 0)

    @classmethod
    def read(cls, rollup: Rollup, row: Mapping[str, Any]) -> "Sums":
        """Return the sums in a row, or in a selection of sums, which has no classes."""
        found = cls({name: row[name] or 0 for name in rollup.sums})
        if rollup.is_timed:
            timed, total, longest = (row[name] or 0 for name in _TIMES)
            classes = orjson.loads(row.get("classes", "{}"))
            found.durations = Durations(timed, total, longest, classes)
        return found

    def written(self, rollup: Rollup) -> dict[str, Any]:
        """Return the columns of a row."""
        found: dict[str, Any] = {name: self.of(name) for name in rollup.sums}
        if rollup.is_timed:
            took = self.durations
            found |= {name: getattr(took, name) for name in _TIMES}
            found["classes"] = compact_json(took.classes)
        return found


# The values of a row's key, in the order of its columns.
RowKey = tuple[Any, ...]
# A tally, with the tenant that it is of.
OwnedTally = tuple[str, Mapping[str, Any]]


def read_tallies(rows: Iterable[Any]) -> list[OwnedTally]:
    """Return tallies from rows of tenants and JSON."""
    return [(tenant, _read(data)) for tenant, data in rows]


def _read(text: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = orjson.loads(text)
    except ValueError:
        # Half of a character in a name, which only `json` writes and reads.
        found = json.loads(text)
    return found


def summed(rollup: Rollup, tallies: Iterable[OwnedTally]) -> dict[RowKey, Sums]:
    """Return what tallies add to each row of a rollup."""
    found: dict[RowKey, Sums] = {}
    rows_of = _ROWS_OF[rollup.table.name]
    for tenant, tally in tallies:
        hour = int(tally["at"] // _SECONDS)
        place = (tenant, hour, _name(tally["workflow_id"], _MOST_WORKFLOW))
        for key, sums in rows_of(tally, *place):
            if key in found:
                found[key].add(sums)
            else:
                found[key] = sums
    return found


Added = Iterator[tuple[RowKey, Sums]]


def _rows_of_workflow(tally: Mapping[str, Any], tenant: str, hour: int, workflow: str) -> Added:
    for width, start in ((HOUR, hour), (DAY, hour - hour % DAY)):
        yield (tenant, width, start, workflow), _sums_of_run(tally)


def _rows_of_nodes(tally: Mapping[str, Any], tenant: str, hour: int, workflow: str) -> Added:
    if not tally["only"]:
        for name, values in tally["nodes"].items():
            key = (tenant, hour - hour % DAY, workflow, _name(name, _MOST_NODE))
            yield key, _of_node(values)


def _rows_of_models(tally: Mapping[str, Any], tenant: str, hour: int, workflow: str) -> Added:
    by = _name(tally["started_by"], _MOST_CALLER)
    for model, usage in {NO_MODEL: {}, **tally["models"]}.items():
        is_counted = model == NO_MODEL and not tally["only"]
        key = (tenant, hour - hour % DAY, workflow, _name(model, _MOST_MODEL), by)
        yield key, Sums({"runs": int(is_counted), **usage})


_ROWS_OF: Mapping[str, Callable[[Mapping[str, Any], str, int, str], Added]] = {
    "workflow_totals": _rows_of_workflow,
    "node_totals": _rows_of_nodes,
    "model_totals": _rows_of_models,
}


def _sums_of_run(tally: Mapping[str, Any]) -> Sums:
    models = tally["models"].values()
    found = Sums({name: sum(of.get(name, 0) for of in models) for name in COUNTED_USAGE})
    if not tally["only"]:
        found.amounts |= {"runs": 1, tally["status"]: 1, "retried": int(tally["retried"])}
        if tally["ms"] is not None:
            found.durations.add(tally["ms"])
    return found


def _of_node(values: Sequence[Any]) -> Sums:
    runs, failed, failed_attempts, total, longest, classes = values
    counts = {"runs": runs, "failed": failed, "failed_attempts": failed_attempts}
    return Sums(counts, Durations(runs, total, longest, dict(classes)))


def _name(text: str | None, most: int) -> str:
    """Return a name as both databases store it in a key: PostgreSQL takes no zeros."""
    plain = (text or "").replace("\0", "").encode(errors="replace").decode()
    return plain[:most]
