"""Ranks passages in PostgreSQL, by the distance of vectors and by BM25.

PostgreSQL has an index of words, but ranks by what is within one passage alone. BM25 also counts
how rare a word is in the collection. The score of a passage is a sum over the words of the question
that it contains:

    weight * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * tokens / mean tokens))
    weight = ln(1 + (passages - found + 0.5) / (found + 0.5))

`often` counts the word in the passage, `found` the passages that contain it. In 100 passages, a
word in 1 of them weighs ln(1 + 99.5 / 1.5) = 4.2, a word in 50 of them ln(1 + 50.5 / 50.5) = 0.7.
In a passage of mean length, a word that occurs once counts its weight, one that occurs twice 1.4
times that, and none more than 2.2 times. In a longer passage, each occurrence counts less.
"""

from typing import Any

from sqlalchemy import Connection, Row, text

from flowc.rag.embedding.vector import Vector
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

MAX_WORDS = 64
_TYPES = {"string": "text", "boolean": "boolean", "number": "numeric"}

_VISIBLE = "p.version NOT IN (SELECT version FROM knowledge_hidden WHERE collection = :collection)"
_COLUMNS = """
    p.source, p.number, p.text, p.tokens, p.start, p."end", p.page, p.last_page, p.headings,
    p.metadata"""
_NEAREST = """
SELECT {columns}, p.vector, 1 - (p.vector <=> :asked) AS score
FROM {table} p WHERE {visible} AND {filter}
ORDER BY p.vector <=> :asked LIMIT :limit
"""
# BM25 with k1 = 1.2 and b = 0.75; `rarity` counts each word of the question with the index.
_MATCHING = """
WITH wanted AS (
    SELECT lexeme FROM unnest(to_tsvector('english', {asked})) LIMIT :most
), asked AS (
    SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery AS any_of FROM wanted
), extent AS (
    SELECT greatest(sum(passages), 1)::float AS passages,
        greatest(sum(tokens)::float / greatest(sum(passages), 1), 1) AS length
    FROM knowledge_documents WHERE collection = :collection
), rarity AS (
    SELECT lexeme, ln(1 + greatest(extent.passages - found + 0.5, 0.5) / (found + 0.5)) AS weight
    FROM extent, (
        SELECT lexeme, (
            SELECT count(*) FROM {table} p WHERE p.words @@ quote_literal(lexeme)::tsquery
        ) AS found
        FROM wanted
    ) counted
)
SELECT {columns}, (
    SELECT sum(weight * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * p.tokens / extent.length)))
    FROM (
        SELECT rarity.weight, cardinality(word.positions)::float AS often
        FROM unnest(p.words) word JOIN rarity ON rarity.lexeme = word.lexeme
    ) scored
) AS score
FROM {table} p, asked, extent
WHERE p.words @@ asked.any_of AND {visible} AND {filter}
ORDER BY score DESC, p.source, p.number LIMIT :limit
"""


def words_of(text: str) -> str:
    """Return SQL that separates all words of a text.

    PostgreSQL would index `docs.example.org` as one word, and `example` would not find it.
    """
    return f"regexp_replace({text}, '[^[:alnum:]]+', ' ', 'g')"


def nearest(
    connection: Connection, table: str, id: int, asked: Vector, limit: int, where: Filter | None
) -> list[Row[Any]]:
    """Return the rows of the passages with the nearest vectors."""
    values: dict[str, Any] = {"asked": asked, "limit": limit, "collection": id}
    return _rows(connection, _NEAREST, table, values, where)


def matching(
    connection: Connection, table: str, id: int, asked: str, limit: int, where: Filter | None
) -> list[Row[Any]]:
    """Return the rows of passages that share words with a text."""
    values: dict[str, Any] = {
        "asked": asked.replace("\0", " "),
        "limit": limit,
        "collection": id,
        "most": MAX_WORDS,
    }
    return _rows(connection, _MATCHING, table, values, where)


def _rows(
    connection: Connection, statement: str, table: str, values: dict[str, Any], where: Filter | None
) -> list[Row[Any]]:
    condition = as_sql(where, _compare, values) if where is not None else "true"
    written = statement.format(
        columns=_COLUMNS,
        table=table,
        visible=_VISIBLE,
        filter=condition,
        asked=words_of("CAST(:asked AS text)"),
    )
    return list(connection.execute(text(written), values).all())


def _compare(condition: FilterCondition, values: dict[str, Any]) -> str:
    """Return a condition as SQL; values of different types are never equal."""
    several = condition.operator in LISTS
    wanted = condition.value if several else [condition.value]
    type = type_of(wanted[0])
    named_values = [f"CAST({named(values, value)} AS {_TYPES[type]})" for value in wanted]
    right = f"({', '.join(named_values)})" if several else named_values[0]
    if condition.field in OWN:
        is_type, column = "true", f"p.{condition.field}"
    else:
        field = f"CAST({named(values, condition.field)} AS text)"
        is_type = f"jsonb_typeof(p.metadata -> {field}) = '{type}'"
        column = f"(p.metadata ->> {field})::{_TYPES[type]}"
    written = f"{column} {(COMPARISONS | LISTS)[condition.operator]} {right}"
    without = "true" if condition.operator in NEGATIVE else "false"
    # CASE guarantees that a value of another type is not cast.
    return f"coalesce(CASE WHEN {is_type} THEN {written} END, {without})"
