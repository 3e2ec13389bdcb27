"""How are passages ranked in PostgreSQL: by the distance of vectors, and by BM25?"""

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
    kind_of,
    named,
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
# BM25 as Lucene has it, with k1 = 1.2 and b = 0.75.
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
    ) told
) AS score
FROM {table} p, asked, extent
WHERE p.words @@ asked.any_of AND {visible} AND {filter}
ORDER BY score DESC, p.source, p.number LIMIT :limit
"""


def words_of(text: str) -> str:
    """Return text in SQL as words alone: what looks like a host or a path is no word of its own."""
    return f"regexp_replace({text}, '[^[:alnum:]]+', ' ', 'g')"


def nearest(
    connection: Connection, table: str, id: int, asked: Vector, limit: int, where: Filter | None
) -> list[Row[Any]]:
    """Return the rows of passages whose vectors are nearest to one."""
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
    """Write a condition; a text never equals a number, and a boolean neither."""
    several = condition.operator in LISTS
    wanted = condition.value if several else [condition.value]
    kind = kind_of(wanted[0])
    told = [f"CAST({named(values, value)} AS {_TYPES[kind]})" for value in wanted]
    right = f"({', '.join(told)})" if several else told[0]
    if condition.field in OWN:
        is_kind, column = "true", f"p.{condition.field}"
    else:
        field = f"CAST({named(values, condition.field)} AS text)"
        is_kind = f"jsonb_typeof(p.metadata -> {field}) = '{kind}'"
        column = f"(p.metadata ->> {field})::{_TYPES[kind]}"
    written = f"{column} {(COMPARISONS | LISTS)[condition.operator]} {right}"
    missed = "true" if condition.operator in NEGATIVE else "false"
    # In a CASE, so that what is no number is never read as one.
    return f"coalesce(CASE WHEN {is_kind} THEN {written} END, {missed})"
