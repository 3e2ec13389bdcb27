"""Reads a list page by page: where the next page is, what of each is gathered, when it ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import MissingValue, evaluated
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, ItemCondition, ItemExpression, NodeError
from flowc.nodes.outside.http_calls import HttpAnswer, HttpCall, response_schema

PAGE_NAMES = frozenset({"response", "page"})
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r"\brel\s*=\s*\"?([^\";,]*)\"?", re.IGNORECASE)


class Pagination(BaseModel):
    """Where the next page is: one of `next`, `link`, or a page number in `parameter` or `field`.

    The expressions read this page's `response`, as the node's output has it, and `page`, which
    counts from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    next: ItemExpression | None = Field(
        default=None,
        description="The address of the next page, or with `parameter` or `field` what it holds;"
        " null, false, an empty text or a missing field ends.",
    )
    link: str | None = Field(
        default=None, description="The `rel` of the next page in the `Link` header, such as next."
    )
    parameter: str | None = Field(
        default=None,
        description="Parameter of the query that says which page: that of `next`, or a number.",
    )
    field: str | None = Field(
        default=None, description="The same in the body, as a path such as variables.after."
    )
    start: int = Field(default=1, description="The number of the first page, or its offset.")
    step: int = Field(default=1, description="What is added for each page: 1, or its length.")
    items: ItemExpression | None = Field(
        default=None,
        description="What of each page is gathered: a list, or one value. By default the body.",
    )
    until: ItemCondition | None = Field(
        default=None, description="Condition on a page that makes it the last."
    )
    max_pages: int = Field(default=100, ge=1, le=10_000, description="Most pages to read.")
    interval: Duration = Field(default=0.0, description="Pause between two pages.")

    @model_validator(mode="after")
    def _is_one_way(self) -> "Pagination":
        if self.parameter is not None and self.field is not None:
            raise ValueError("write `parameter` or `field`, not both")
        if self.next is not None and self.link is not None:
            raise ValueError("write `next` or `link`, not both")
        if self.link is not None and (self.parameter or self.field):
            raise ValueError("`link` leads to the next page; leave out `parameter` and `field`")
        if not (self.next is not None or self.link or self.parameter or self.field):
            raise ValueError("write `next`, `link`, `parameter` or `field`")
        return self

    @property
    def is_numbered(self) -> bool:
        """Whether pages are asked for by their numbers."""
        return self.next is None and self.link is None


def pages_schema() -> Schema:
    """Return the schema of what is gathered from pages, and of the last response."""
    found = response_schema({"type": "array"})
    more: dict[str, Schema] = {"pages": {"type": "integer"}, "is_complete": {"type": "boolean"}}
    properties = {**found["properties"], **more}
    return {**found, "properties": properties, "required": list(properties)}


async def all_pages(call: HttpCall, pagination: Pagination, context: Context) -> dict[str, Any]:
    """Return the last response, with the items of all pages as its body; raise NodeError."""
    gathered, count, page = list[Any](), 0, None
    async for page in _pages(call, pagination, context):
        gathered += page.items
        count += 1
    # There is a first one, or its failure was raised.
    assert page is not None
    return {
        **page.answer.as_json(),
        "body": gathered,
        "pages": count,
        "is_complete": page.next is None,
    }


@dataclass(frozen=True)
class _Page:
    answer: HttpAnswer
    items: list[Any]
    next: HttpCall | None


async def _pages(call: HttpCall, pagination: Pagination, context: Context) -> AsyncIterator[_Page]:
    asked: HttpCall | None = _first(call, pagination)
    seen = set[tuple[str, str]]()
    for number in range(1, pagination.max_pages + 1):
        if asked is None:
            return
        if number > 1 and pagination.interval:
            await asyncio.sleep(pagination.interval)
        seen.add(_mark(asked))
        page = await _page(asked, pagination, context, number)
        # A service that leads in a circle has no further pages.
        if page.next is not None and _mark(page.next) in seen:
            page = replace(page, next=None)
        yield page
        asked = page.next


def _mark(call: HttpCall) -> tuple[str, str]:
    return call.url, repr((sorted(call.query.items(), key=repr), call.body))


async def _page(call: HttpCall, pagination: Pagination, context: Context, number: int) -> _Page:
    answer = await call.answer(context)
    names = {"response": answer.as_json(), "page": number}

    def look() -> tuple[Any, bool, Any]:
        items = pagination.items(**names) if pagination.items is not None else answer.body
        if pagination.until is not None and pagination.until(**names):
            return items, True, None
        return items, False, _following(pagination, names)

    found, is_last, following = await evaluated(look)
    items = found if isinstance(found, list) else [] if found is None else [found]
    if is_last or (pagination.is_numbered and not items):
        return _Page(answer, items, None)
    return _Page(answer, items, _next(call, pagination, answer, following, number))


def _following(pagination: Pagination, names: dict[str, Any]) -> Any:
    """Return what the next page is; None if the last page has no field for it."""
    try:
        return pagination.next(**names) if pagination.next is not None else None
    except MissingValue:
        return None


def _first(call: HttpCall, pagination: Pagination) -> HttpCall:
    return _at(call, pagination, pagination.start) if pagination.is_numbered else call


def _next(
    call: HttpCall, pagination: Pagination, answer: HttpAnswer, following: Any, number: int
) -> HttpCall | None:
    """Return the call of the next page; None if there is none."""
    if pagination.is_numbered:
        return _at(call, pagination, pagination.start + pagination.step * number)
    if pagination.link is not None:
        following = _linked(answer.response.headers.get("link", ""), pagination.link)
    if following is None or following is False or following == "":
        return None
    if pagination.parameter is not None or pagination.field is not None:
        return _at(call, pagination, following)
    if not isinstance(following, str):
        message = f"The next page is no address: {as_text(following)[:100]!r}."
        hint = "With `parameter` or `field`, it is a value of the next request."
        raise NodeError("next-page-unclear", message, field=("pagination", "next"), hint=hint)
    return _led_to(call, answer.response.url, following)


def _at(call: HttpCall, pagination: Pagination, value: Any) -> HttpCall:
    """Return the call of a page that a parameter of the query or a field of the body names."""
    if pagination.field is not None:
        return replace(call, body=_with_field(call.body, pagination.field.split("."), value))
    name = str(pagination.parameter)
    base, mark, query = call.url.partition("?")
    others = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != name]
    url = base + (mark + urlencode(others) if others else "")
    return replace(call, url=url, query={**call.query, name: value})


def _with_field(body: Any, path: list[str], value: Any) -> dict[str, Any]:
    inner = body if isinstance(body, Mapping) else {}
    first, rest = path[0], path[1:]
    return {**inner, first: _with_field(inner.get(first), rest, value) if rest else value}


def _led_to(call: HttpCall, from_url: str, address: str) -> HttpCall:
    """Return the call of an address that a page names; another host gets no headers.

    Services behind proxies name themselves with http://.
    """
    url = urljoin(from_url, address)
    old, new = urlsplit(from_url), urlsplit(url)
    if old.scheme == "https" and new.scheme == "http" and old.hostname == new.hostname:
        url = new._replace(scheme="https", netloc=old.netloc).geturl()
    elif (old.scheme, old.netloc) != (new.scheme, new.netloc):
        message = f"The next page is at {new.netloc[:80]!r}, not at {old.netloc[:80]!r}."
        raise NodeError("next-page-elsewhere", message, field="pagination")
    # The address has the whole query.
    return replace(call, url=url, query={})


def _linked(header: str, rel: str) -> str | None:
    """Return the address with this relation in a Link header.

    >>> _linked('<https://a.test/?p=1>; rel="prev", </?p=3>; rel="next last"', "next")
    '/?p=3'
    """
    for address, about in _LINK.findall(header[:20_000]):
        found = _REL.search(about)
        if found is not None and rel.lower() in found[1].lower().split():
            return str(address)
    return None
