"""How are passages found by their words in SQLite? By its full-text index, ranked by BM25."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from flowc.rag.stores.filters import (
    COMPARISONS,
    LISTS,
    NEGATIVE,
    OWN,
    Filter,
    FilterCondition,
    as_sql,
    kind_of,
    named,
)
from flowc.rag.stores.records import Passage
from flowc.rag.stores.rows import passage_of

MAX_WORDS = 64
_TYPES = {
    "string": "('text')",
    "boolean": "('true', 'false')",
    "number": "('integer', 'real')",
}
_WORD = re.compile(r"\w+")

_SEARCH = """
SELECT p.*, w.text, -bm25({words}) AS score
FROM {words} w JOIN knowledge_passages p ON p.id = w.rowid
WHERE {words} MATCH :wanted
    AND p.version NOT IN (SELECT version FROM knowledge_hidden WHERE collection = :collection)
    AND {filter}
ORDER BY score DESC, p.source, p.number LIMIT :limit
"""
_OF_VERSION = """
SELECT p.*, w.text FROM knowledge_passages p JOIN {words} w ON w.rowid = p.id
WHERE p.version = :version AND p.number > :after ORDER BY p.number LIMIT :limit
"""
_OF_PLACES = """
SELECT p.*, w.text FROM knowledge_passages p JOIN {words} w ON w.rowid = p.id
WHERE p.version = :version AND p.number = :number
"""


def create(id: int) -> str:
    """Return the statement that makes a collection's index of words."""
    tokenizer = "porter unicode61 remove_diacritics 2"
    return (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {_words(id)} USING fts5(text, tokenize='{tokenizer}')"
    )


def drop(id: int) -> str:
    """Return the statement that takes the index away."""
    return f"DROP TABLE IF EXISTS {_words(id)}"


def add(connection: Connection, id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Keep the texts of passages, which are given as their rows."""
    connection.execute(text(f"INSERT INTO {_words(id)} (rowid, text) VALUES (:id, :text)"), rows)


def remove(connection: Connection, id: int, versions: Iterable[str]) -> None:
    """Take the passages of versions away."""
    of_version = "FROM knowledge_passages WHERE version = :version"
    for version in versions:
        values = {"version": version}
        connection.execute(
            text(f"DELETE FROM {_words(id)} WHERE rowid IN (SELECT id {of_version})"), values
        )
        connection.execute(text(f"DELETE {of_version}"), values)


def search(
    connection: Connection, id: int, asked: str, limit: int, where: Filter | None
) -> list[Row[Any]]:
    """Return the rows of passages that share words with a text, the best first."""
    wanted = list(dict.fromkeys(_WORD.findall(asked.lower())))[:MAX_WORDS]
    if not wanted:
        return []
    values: dict[str, Any] = {
        "wanted": " OR ".join(f'"{word}"' for word in wanted),
        "collection": id,
        "limit": limit,
    }
    condition = as_sql(where, _compare, values) if where is not None else "1"
    statement = _SEARCH.format(words=_words(id), filter=condition)
    return list(connection.execute(text(statement), values).all())


def of_version(
    connection: Connection, id: int, version: str | None, after: int, limit: int
) -> list[Row[Any]]:
    """Return the rows of a version's passages, from the one after a number on."""
    values = {"version": version, "after": after, "limit": limit}
    return list(connection.execute(text(_OF_VERSION.format(words=_words(id))), values).all())


def passages(
    connection: Connection, id: int, places: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Passage]:
    """Return the passages of versions, by version and number."""
    statement = text(_OF_PLACES.format(words=_words(id)))
    found = {}
    for version, number in places:
        row = connection.execute(statement, {"version": version, "number": number}).one_or_none()
        if row is not None:
            found[version, number] = passage_of(row)
    return found


def _words(id: int) -> str:
    return f"knowledge_words_{int(id)}"


def _compare(condition: FilterCondition, values: dict[str, Any]) -> str:
    """Write a condition; a text never equals a number, and a boolean neither."""
    several = condition.operator in LISTS
    wanted = condition.value if several else [condition.value]
    told = [named(values, value) for value in wanted]
    right = f"({', '.join(told)})" if several else told[0]
    if condition.field in OWN:
        is_kind, column = "1", f"p.{condition.field}"
    else:
        of_field = f"FROM json_each(p.metadata) WHERE key = {named(values, condition.field)}"
        is_kind = f"(SELECT type {of_field}) IN {_TYPES[kind_of(wanted[0])]}"
        column = f"(SELECT value {of_field})"
    written = f"{column} {(COMPARISONS | LISTS)[condition.operator]} {right}"
    missed = "1" if condition.operator in NEGATIVE else "0"
    return f"coalesce(CASE WHEN {is_kind} THEN {written} END, {missed})"
