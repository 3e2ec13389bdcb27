"""Variables that outlive a run, for hosts without a server: in a file, or in memory."""

import asyncio
import json
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from flowc.compiler.definition import VariableScope
from flowc.compiler.node import LastingVariables, Written

_TABLE = (
    "create table if not exists variables (scope text, owner text, name text, value text not null,"
    " primary key (scope, owner, name))"
)
_READ = "select name, value from variables where scope = ? and owner = ?"
_WRITE = "insert or replace into variables values (?, ?, ?, ?)"


class LocalVariables(LastingVariables):
    """The variables of the workflows that run on this machine, in a file.

    There is one user, and one thread.
    """

    def __init__(self, file: Path, workflow: str) -> None:
        self._file, self._workflow = file, workflow

    async def read(
        self, scope: VariableScope, names: Collection[str], workflow: str | None = None
    ) -> dict[str, Any]:
        """Return the values of those that are stored."""
        owner = self._owner(scope, workflow)
        return await asyncio.to_thread(self._read, scope, owner, frozenset(names))

    async def write(
        self,
        scope: VariableScope,
        values: Mapping[str, Any],
        expected: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any],
        id: str,
        workflow: str | None = None,
    ) -> Written:
        """Store values if the stored ones are those expected."""
        owner, wanted = self._owner(scope, workflow), VariableComparison(values, expected, defaults)
        return await asyncio.to_thread(self._write, scope, owner, wanted)

    def _owner(self, scope: VariableScope, workflow: str | None) -> str:
        return (workflow or self._workflow) if scope == "workflow" else "local"

    def _read(self, scope: str, owner: str, names: frozenset[str]) -> dict[str, Any]:
        if not self._file.exists():
            return {}
        with closing(self._open()) as database:
            rows = database.execute(_READ, (scope, owner)).fetchall()
        return {name: json.loads(value) for name, value in rows if name in names}

    def _write(self, scope: str, owner: str, wanted: "VariableComparison") -> Written:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as database, database:
            # Before anything is read: another process waits here.
            database.execute("begin immediate")
            rows = database.execute(_READ, (scope, owner)).fetchall()
            written = wanted.against({name: json.loads(value) for name, value in rows})
            if written.is_stored:
                database.executemany(
                    _WRITE,
                    [(scope, owner, name, json.dumps(v)) for name, v in wanted.values.items()],
                )
            return written

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, timeout=30, isolation_level=None)
        database.execute(_TABLE)
        return database


class MemoryVariables(LastingVariables):
    """Variables of the runs that share this object, as in a test or a notebook."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], dict[str, Any]] = {}

    async def read(
        self, scope: VariableScope, names: Collection[str], workflow: str | None = None
    ) -> dict[str, Any]:
        """Return the values of those that are stored."""
        stored = self._stored.get((scope, workflow or ""), {})
        return {name: value for name, value in stored.items() if name in names}

    async def write(
        self,
        scope: VariableScope,
        values: Mapping[str, Any],
        expected: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any],
        id: str,
        workflow: str | None = None,
    ) -> Written:
        """Store values if the stored ones are those expected."""
        stored = self._stored.setdefault((scope, workflow or ""), {})
        written = VariableComparison(values, expected, defaults).against(stored)
        if written.is_stored:
            stored.update(values)
        return written


class VariableComparison:
    """Values to store if variables still have the ones that are expected."""

    def __init__(
        self, values: Mapping[str, Any], expected: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> None:
        self.values, self._expected, self._defaults = values, expected, defaults

    @property
    def names(self) -> frozenset[str]:
        """The variables that are read or written."""
        return frozenset({*self.values, *self._expected})

    def against(self, stored: Mapping[str, Any]) -> Written:
        """Return whether the values are stored, and what the variables have then."""
        now = {name: self._defaults.get(name) for name in self.names}
        now.update((name, value) for name, value in stored.items() if name in now)
        # As JSON, because 1 is true in Python.
        if any(_text(now[name]) != _text(value) for name, value in self._expected.items()):
            return Written(False, now)
        return Written(True, {**now, **self.values})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
