"""The big values of runs, which are stored once: events, checkpoints and runs refer to them.

A text of a megabyte that goes through three templates is in the run's input and output, and in an
event and a checkpoint of each node. Each of these is stored without it, beside a *reference*: the
place where it was, and its hash. The smallest parts of a value that are longer than some kilobytes
are stored so: a text, or a list or an object of short items.

An example: `part({"output": {"text": "<a megabyte>", "n": 3}})` returns
`{"output": {"text": None, "n": 3}}` and the reference `[["output", "text", "<hash>"]]`.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import String, Text, bindparam, delete, insert, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.compiler.reading.large_values import load_json
from flowc.server.store.compact_json import compact_json
from flowc.server.store.insertions import insertion_for
from flowc.server.store.prepared import Prepared
from flowc.server.store.tables import Table

# What is longer is stored once. What is shorter has little to gain, and is read with less work.
LIMIT = 4_096
# Deeper parts are not looked for.
_DEEPEST = 50
# As many of a run's last texts need not be hashed again.
_RECENT = 8
_HASH_BYTES = 16
_CHUNK = 200
_NUMBERS = (int, float, bool, type(None))
_NUMBER_SIZE = 8


class ValueRow(Table):
    """A big value of a run, as JSON, by its hash."""

    __tablename__ = "run_values"

    run_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


_VALUES = Table.metadata.tables["run_values"]
Texts = Mapping[str, str]


class Values:
    """The big values of one run, on their way to the database; used in one thread at a time.

    `new` are those that the next commit must write, by their hashes.
    """

    def __init__(self) -> None:
        self.new: dict[str, str] = {}
        self._stored: set[str] = set()
        self._recent: OrderedDict[str, str] = OrderedDict()

    def part(self, value: Any, least: int = 1) -> tuple[Any, str | None]:
        """Return a value without its big parts, and the references to them; None if it has none.

        Lists and objects are parts only at a depth of `least` or more.
        """
        parting = _Parting(self, least)
        parted, _ = parting.part(value, (), 0)
        return parted, compact_json(parting.references) if parting.references else None

    def keep(self, value: Any) -> str:
        """Let the next commit write a value, unless it is stored; return its hash."""
        known = self._recent.get(value) if type(value) is str else None
        if known is not None and (known in self._stored or known in self.new):
            return known
        text = compact_json(value)
        hash = blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
        if hash not in self._stored:
            self.new[hash] = text
        if type(value) is str:
            self._note(value, hash)
        return hash

    def _note(self, value: str, hash: str) -> None:
        self._recent[value] = hash
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def settle(self, *, is_stored: bool) -> None:
        """Learn whether what was new is in the database now; otherwise it is written again."""
        if is_stored:
            self._stored.update(self.new)
        self.new = {}


class _Parting:
    """One walk through a value; each step returns what is left, and about how long it is."""

    def __init__(self, values: Values, least: int) -> None:
        self._values, self._least = values, least
        self.references: list[list[Any]] = []
        # How many parts were found that are not JSON, as LangGraph's own.
        self._foreign = 0

    def part(self, value: Any, path: tuple[Any, ...], depth: int) -> tuple[Any, int]:
        kind = type(value)
        if kind is str:
            return self._referred(value, path) if len(value) > LIMIT else (value, len(value) + 3)
        if kind in _NUMBERS:
            return value, _NUMBER_SIZE
        if _has_parts(value) and depth < _DEEPEST:
            return self._part_items(value, path, depth)
        self._foreign += 1
        # A named tuple is one that LangGraph puts around a channel's value.
        make = getattr(value, "_make", None)
        if isinstance(value, tuple) and make is not None:
            parts = [self.part(each, (*path, n), depth)[0] for n, each in enumerate(value)]
            return make(parts), 0
        return value, 0

    def _part_items(self, value: Any, path: tuple[Any, ...], depth: int) -> tuple[Any, int]:
        before, parts, size = self._found(), dict[Any, Any](), 0
        for name, item in value.items() if type(value) is dict else enumerate(value):
            parts[name], length = self.part(item, (*path, name), depth + 1)
            size += length + len(str(name))
        if size > LIMIT and depth >= self._least and self._found() == before:
            return self._referred(value, path)
        return parts if type(value) is dict else list(parts.values()), size

    def _found(self) -> tuple[int, int]:
        return len(self.references), self._foreign

    def _referred(self, value: Any, path: tuple[Any, ...]) -> tuple[None, int]:
        self.references.append([*path, self._values.keep(value)])
        return None, _NUMBER_SIZE


def _has_parts(value: Any) -> bool:
    """Return whether a value is a list, or an object as JSON has them."""
    kind = type(value)
    return kind is list or (kind is dict and all(type(name) is str for name in value))


class ValueStatements:
    """The insertion of values, for the driver."""

    def __init__(self, dialect: Dialect) -> None:
        once = insertion_for(dialect, _VALUES).on_conflict_do_nothing()
        self._insert = Prepared(once, dialect)

    def put(self, driver: Any, run_id: str, values: Values) -> None:
        """Write the new values of a run, in a transaction that has begun."""
        if values.new:
            self._insert.execute_each(driver, _rows(run_id, values))


def put_values(session: Session, run_id: str, values: Values) -> None:
    """Write the new values of a new run, within a transaction."""
    if values.new:
        session.execute(insert(_VALUES), _rows(run_id, values))


def copy_values(session: Session, source: str, target: str) -> None:
    """Give a thread of checkpoints the values of another one, within a transaction."""
    rows = session.execute(select(_VALUES).where(_VALUES.c.run_id == source)).mappings()
    copies = [{**row, "run_id": target} for row in rows]
    if copies:
        dialect = session.get_bind().dialect
        session.execute(insertion_for(dialect, _VALUES).on_conflict_do_nothing(), copies)


def delete_values(session: Session, run_ids: Sequence[str]) -> None:
    """Delete the values of runs, within a transaction."""
    session.execute(delete(_VALUES).where(_VALUES.c.run_id.in_(run_ids)))


def _rows(run_id: str, values: Values) -> list[dict[str, str]]:
    return [{"run_id": run_id, "hash": hash, "text": text} for hash, text in values.new.items()]


_TEXTS = select(_VALUES.c.hash, _VALUES.c.text).where(
    _VALUES.c.run_id == bindparam("run"), _VALUES.c.hash.in_(bindparam("hashes", expanding=True))
)


def texts_of(session: Session, run_id: str, references: Iterable[str | None]) -> Texts:
    """Return the values of a run that are referred to."""
    found = {path[-1] for each in references if each is not None for path in json.loads(each)}
    hashes, texts = sorted(found), dict[str, str]()
    for start in range(0, len(hashes), _CHUNK):
        about = {"run": run_id, "hashes": hashes[start : start + _CHUNK]}
        texts.update((hash, text) for hash, text in session.execute(_TEXTS, about))
    return texts


def whole(value: Any, references: str | None, texts: Texts) -> Any:
    """Return a value with its big parts, which it may have lost to references."""
    for *path, hash in json.loads(references) if references is not None else ():
        value = _with(value, path, load_json(texts[hash]))
    return value


def _with(value: Any, path: Sequence[Any], part: Any) -> Any:
    if not path:
        return part
    name, *rest = path
    inner = _with(value[name], rest, part)
    if isinstance(value, tuple):
        made: Any = value
        return made._make([*value[:name], inner, *value[name + 1 :]])
    value[name] = inner
    return value
