"""Holds the results of MCP tools against the schemas that their servers declare."""

from typing import Any

from flowc.compiler.definition.short_schemas import BadSchema, Schema, find_problems
from flowc.compiler.node import NodeError


def check_within_bounds(client: Any) -> None:
    """Let a connected client check results as flowc does: within a budget, and off the event loop.

    The client's own check matches patterns by backtracking, on the event loop.
    """

    async def check(name: str, result: Any) -> None:
        if result.structured_content is None:
            return
        schema = await _output_schema(client, name)
        try:
            found = await find_problems(result.structured_content, schema) if schema else []
        except BadSchema:
            # The schema is the server's mistake, and no reason to lose its result.
            return
        for path, sentence in found:
            where = ".".join(map(str, path)) or "result"
            message = (
                f"The result of the tool {name!r} does not fit its schema: {where}: {sentence}."
            )
            value = result.structured_content
            raise NodeError("answer-does-not-fit", message, kind="bad-answer", value=value)

    client.session.validate_tool_result = check


async def _output_schema(client: Any, name: str) -> Schema | None:
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            if tool.name == name:
                schema: Schema | None = tool.output_schema
                return schema
        cursor = page.next_cursor
        if not cursor:
            return None
