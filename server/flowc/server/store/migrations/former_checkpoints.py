"""Takes over the checkpoints of unfinished and failed runs that LangGraph's own savers stored.

Before revision 0007, they were in `checkpoints.db` beside a SQLite database, or in tables of
LangGraph in PostgreSQL. These stay as they are.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

_RUNS = sa.text(
    "select id from runs where status in ('pending', 'running', 'paused', 'waiting', 'failed')"
)
_CHECKPOINT = (
    "select checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata"
    " from checkpoints where thread_id = ?"
)
_WRITES = (
    "select checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value"
    " from writes where thread_id = ?"
)
_CHECKPOINT_OF_POSTGRES = sa.text(
    "select checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata"
    " from checkpoints where thread_id = :thread"
)
_BLOBS = sa.text(
    "select checkpoint_ns, channel, version, type, blob from checkpoint_blobs"
    " where thread_id = :thread"
)
_WRITES_OF_POSTGRES = sa.text(
    "select checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path"
    " from checkpoint_writes where thread_id = :thread"
)
_SERDE = JsonPlusSerializer(allowed_msgpack_modules=None)
_EMPTY = "empty"


def take_over(connection: sa.Connection, checkpoints: sa.Table, writes: sa.Table) -> None:
    """Copy the checkpoints of runs that may continue to the tables of flowc."""
    runs = [id for (id,) in connection.execute(_RUNS)]
    if connection.dialect.name == "sqlite":
        found = _of_sqlite(Path(connection.engine.url.database or ""), runs)
    else:
        found = _of_postgres(connection, runs)
    for table, row in found:
        connection.execute((checkpoints if table == "checkpoint" else writes).insert(), row)


def _of_sqlite(database: Path, runs: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    file = database.with_name("checkpoints.db")
    if not file.exists():
        return
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as former:
        for run in runs:
            for space, id, parent, kind, data, about in former.execute(_CHECKPOINT, [run]):
                checkpoint = _SERDE.loads_typed((kind, data))
                yield "checkpoint", _checkpoint(run, space, id, parent, checkpoint, about)
            for *place, kind, value in former.execute(_WRITES, [run]):
                yield "write", _write(run, place, kind, value, "")


def _of_postgres(
    connection: sa.Connection, runs: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not sa.inspect(connection).has_table("checkpoint_blobs"):
        return
    for run in runs:
        blobs = {
            (space, channel, version): (kind, blob)
            for space, channel, version, kind, blob in connection.execute(_BLOBS, {"thread": run})
        }
        rows = connection.execute(_CHECKPOINT_OF_POSTGRES, {"thread": run}).all()
        for space, id, parent, checkpoint, about in rows:
            values = {
                **(checkpoint.get("channel_values") or {}),
                **_values(space, checkpoint, blobs),
            }
            whole = {**checkpoint, "channel_values": values}
            yield "checkpoint", _checkpoint(run, space, id, parent, whole, about)
        for *place, kind, value, path in connection.execute(
            _WRITES_OF_POSTGRES, {"thread": run}
        ).all():
            yield "write", _write(run, place, kind, value, path)


def _values(space: str, checkpoint: Mapping[str, Any], blobs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the values of channels that are stored apart, at their versions."""
    found: dict[str, Any] = {}
    for channel, version in checkpoint["channel_versions"].items():
        kind, blob = blobs.get((space, channel, str(version)), (_EMPTY, None))
        if kind != _EMPTY:
            found[channel] = _SERDE.loads_typed((kind, blob))
    return found


def _checkpoint(
    run: str, space: str, id: str, parent: str | None, checkpoint: Any, about: Any
) -> dict[str, Any]:
    # Our versions are numbers: LangGraph's savers have such a number and a random one in a text.
    versions = {name: _number(each) for name, each in checkpoint["channel_versions"].items()}
    seen = {
        node: {name: _number(each) for name, each in channels.items()}
        for node, channels in checkpoint["versions_seen"].items()
    }
    changed = {**checkpoint, "channel_versions": versions, "versions_seen": seen}
    encoding, data = _SERDE.dumps_typed(changed)
    if isinstance(about, bytes | str):
        about = _SERDE.loads_typed(("json", about.encode() if isinstance(about, str) else about))
    return {
        "thread_id": run,
        "namespace": space,
        "id": id,
        "parent_id": parent,
        "encoding": encoding,
        "checkpoint": data,
        "about": about,
    }


def _write(run: str, place: list[Any], kind: str, value: Any, path: str) -> dict[str, Any]:
    space, checkpoint, task, number, channel = place
    return {
        "thread_id": run,
        "namespace": space,
        "checkpoint_id": checkpoint,
        "task_id": task,
        "number": number,
        "task_path": path,
        "channel": channel,
        "encoding": kind,
        "value": value if value is not None else b"",
    }


def _number(version: Any) -> int:
    """Return the number in a version.

    >>> _number("00000000000000000000000000000002.0.7859430997691431"), _number(3)
    (2, 3)
    """
    return int(str(version).partition(".")[0])
