"""Finds passages by their words in SQLite, with its full-text index, ranked by BM25.

Each collection has an index of its own, since BM25 counts how rare a word is in the whole index.
"""

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
    named,
    type_of,
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
_OF_KEY = """
SELECT p.*, w.text FROM knowledge_passages p JOIN {words} w ON w.rowid = p.id
WHERE p.version = :version AND p.number = :number
"""


def create(id: int) -> str:
    """Return the statement that creates a collection's index of words."""
    tokenizer = "porter unicode61 remove_diacritics 2"
    return (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {_words(id)} USING fts5(text, tokenize='{tokenizer}')"
    )


def drop(id: int) -> str:
    """Return the statement that deletes the index."""
    return f"DROP TABLE IF EXISTS {_words(id)}"


def add(connection: Connection, id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Store the texts of passages, from their rows."""
    connection.execute(text(f"INSERT INTO {_words(id)} (rowid, text) VALUES (:id, :text)"), rows)


def remove(connection: Connection, id: int, versions: Iterable[str]) -> None:
    """Delete the passages of versions."""
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
    # In quotes, since words such as AND and NEAR are operators of the index.
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
    """Return the rows of a version's passages with a number greater than `after`."""
    values = {"version": version, "after": after, "limit": limit}
    return list(connection.execute(text(_OF_VERSION.format(words=_words(id))), values).all())


def passages(
    connection: Connection, id: int, keys: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Passage]:
    """Return passages by version and number."""
    statement = text(_OF_KEY.format(words=_words(id)))
    found = {}
    for version, number in keys:
        row = connection.execute(statement, {"version": version, "number": number}).one_or_none()
        if row is not None:
            found[version, number] = passage_of(row)
    return found


def _words(id: int) -> str:
    return f"knowledge_words_{int(id)}"


def _compare(condition: FilterCondition, values: dict[str, Any]) -> str:
    """Return a condition as SQL; values of different types are never equal."""
    several = condition.operator in LISTS
    wanted = condition.value if several else [condition.value]
    named_values = [named(values, value) for value in wanted]
    right = f"({', '.join(named_values)})" if several else named_values[0]
    if condition.field in OWN:
        is_type, column = "1", f"p.{condition.field}"
    else:
        # By key, since in a JSON path some characters of a field's name would have a meaning.
        of_field = f"FROM json_each(p.metadata) WHERE key = {named(values, condition.field)}"
        is_type = f"(SELECT type {of_field}) IN {_TYPES[type_of(wanted[0])]}"
        column = f"(SELECT value {of_field})"
    written = f"{column} {(COMPARISONS | LISTS)[condition.operator]} {right}"
    without = "1" if condition.operator in NEGATIVE else "0"
    return f"coalesce(CASE WHEN {is_type} THEN {written} END, {without})"
