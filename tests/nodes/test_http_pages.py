"""Lists that come page by page, GraphQL, and streams that end."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fakes.calls import call_http
from fakes.flows import compiled
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.run_context import NodeFailed

ALL = list(range(7))
SIZE = 3


def query_of(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.path).query).items()}


def part(start: int) -> list[int]:
    return ALL[start : start + SIZE]


def by_address(request: Request) -> Reply:
    start = int(query_of(request).get("from", 0))
    after = start + SIZE
    following = f"/items?from={after}" if after < len(ALL) else None
    return reply_json({"items": part(start), "next": following})


def by_link(request: Request) -> Reply:
    start = int(query_of(request).get("from", 0))
    link = '</items?from=0>; rel="first"'
    if start + SIZE < len(ALL):
        link += f', </items?from={start + SIZE}&q=a%20b>; rel="next"'
    return reply_json(part(start), link=link)


def by_number(request: Request) -> Reply:
    return reply_json({"items": part((int(query_of(request)["page"]) - 1) * SIZE)})


def by_offset(request: Request) -> Reply:
    return reply_json({"data": {"rows": part(int(query_of(request)["offset"]))}})


def by_cursor(request: Request) -> Reply:
    start = int(query_of(request).get("cursor", "c0")[1:])
    after = f"c{start + SIZE}" if start + SIZE < len(ALL) else ""
    return reply_json({"items": part(start), "meta": {"after": after}})


def by_body(request: Request) -> Reply:
    asked = request.json["variables"]
    start = int(asked.get("after") or 0)
    has_next = start + SIZE < len(ALL)
    page = {"endCursor": str(start + SIZE), "hasNextPage": has_next}
    return reply_json({"data": {"items": {"nodes": part(start), "pageInfo": page}}})


WAYS: list[tuple[Any, dict[str, Any], int]] = [
    (by_address, {"next": "response.body.next", "items": "response.body.items"}, 3),
    (by_link, {"link": "next"}, 3),
    (by_number, {"parameter": "page", "items": "response.body.items"}, 4),
    (
        by_number,
        {
            "parameter": "page",
            "items": "response.body.items",
            "until": "response.body.items | length < 3",
        },
        3,
    ),
    (
        by_offset,
        {"parameter": "offset", "start": 0, "step": SIZE, "items": "response.body.data.rows"},
        4,
    ),
    (
        by_cursor,
        {"next": "response.body.meta.after", "parameter": "cursor", "items": "response.body.items"},
        3,
    ),
]


@pytest.mark.parametrize(("answer", "pagination", "pages"), WAYS)
async def test_all_pages_are_gathered(answer: Any, pagination: Any, pages: int) -> None:
    with serving(answer) as server:
        output = (
            await call_http(
                server, path="/items", headers={"x-key": "k"}, query={"q": "a b"},
                pagination=pagination,
            )
        ).output  # fmt: skip
    assert (output["body"], output["pages"], output["is_complete"]) == (ALL, pages, True)
    assert output["status_code"] == 200
    assert {request.headers["x-key"] for request in server.requests} == {"k"}
    assert len(server.requests) == pages


async def test_pages_of_graphql_are_asked_for_in_its_variables() -> None:
    info = "response.body.data.items.pageInfo"
    with serving(by_body) as server:
        output = (
            await call_http(
                server,
                graphql={"query": "query($n: Int) { items { nodes } }", "variables": {"n": 3}},
                pagination={
                    "next": f"{info}.endCursor if {info}.hasNextPage else none",
                    "field": "variables.after",
                    "items": "response.body.data.items.nodes",
                },
            )
        ).output
    assert (output["body"], output["pages"]) == (ALL, 3)
    assert [r.json["variables"] for r in server.requests] == [
        {"n": 3}, {"n": 3, "after": "3"}, {"n": 3, "after": "6"},
    ]  # fmt: skip
    assert {request.method for request in server.requests} == {"POST"}


async def test_as_many_pages_are_read_as_allowed() -> None:
    pagination = {"next": "response.body.next", "items": "response.body.items", "max_pages": 2}
    with serving(by_address) as server:
        output = (await call_http(server, path="/items", pagination=pagination)).output
    assert (output["body"], output["pages"], output["is_complete"]) == (ALL[:6], 2, False)


async def test_a_service_that_leads_in_a_circle_ends() -> None:
    with serving(lambda request: reply_json({"next": "/", "n": 1})) as server:
        output = (await call_http(server, pagination={"next": "response.body.next"})).output
    assert (output["pages"], output["is_complete"]) == (1, True)


async def test_a_next_page_at_another_host_is_not_read() -> None:
    with serving(lambda request: reply_json({})) as other:
        body = {"next": other.url}
        with (
            serving(lambda request: reply_json(body)) as server,
            pytest.raises(NodeFailed, match="The next page is at") as caught,
        ):
            await call_http(server, pagination={"next": "response.body.next"})
    assert (caught.value.code, other.requests) == ("next-page-elsewhere", [])


async def test_a_last_page_may_lack_the_field_for_the_next() -> None:
    with serving(lambda request: reply_json({"items": [1]})) as server:
        pagination = {"next": "response.body.links.next", "items": "response.body.items"}
        output = (await call_http(server, pagination=pagination)).output
    assert (output["body"], output["is_complete"]) == ([1], True)


async def test_a_failure_on_a_later_page_is_the_nodes() -> None:
    def answer(request: Request) -> Reply:
        return by_address(request) if "from" not in request.path else Reply(500)

    with serving(answer) as server, pytest.raises(NodeFailed, match="500"):
        await call_http(server, path="/items", pagination={"next": "response.body.next"})


async def test_a_next_page_that_is_no_address_says_what_to_write() -> None:
    with (
        serving(lambda request: reply_json({"next": 7})) as server,
        pytest.raises(NodeFailed) as caught,
    ):
        await call_http(server, pagination={"next": "response.body.next"})
    assert caught.value.code == "next-page-unclear"
    assert "`parameter`" in (caught.value.evidence.hint or "")


@pytest.mark.parametrize(
    "pagination",
    [
        {},
        {"max_pages": 3},
        {"next": "response.body.next", "link": "next"},
        {"link": "next", "parameter": "page"},
        {"parameter": "page", "field": "page"},
        {"parameter": "page", "max_pages": 0},
        {"next": "answer.body.next"},
    ],
)
def test_pages_without_one_way_to_the_next_are_refused_before_the_run(pagination: Any) -> None:
    config = {"url": "https://a.test/", "pagination": pagination}
    with pytest.raises(DefinitionRefused):
        compiled({"nodes": [{"id": "a", "type": "http", "config": config}]})


async def test_errors_of_graphql_fail_the_node_unless_they_are_wanted() -> None:
    said = {"data": None, "errors": [{"message": "no such field"}]}
    with serving(lambda request: reply_json(said)) as server:
        with pytest.raises(NodeFailed, match="GraphQL errors: no such field") as caught:
            await call_http(server, graphql="{ me { id } }")
        output = (await call_http(server, graphql="{ me }", raise_for_status=False)).output
    assert (caught.value.code, output["body"]) == ("graphql-errors", said)
    assert server.requests[0].json == {"query": "{ me { id } }", "variables": {}}
    assert server.requests[0].headers["content-type"] == "application/json"


async def test_variables_of_graphql_are_computed() -> None:
    with serving(lambda request: reply_json({"data": {"me": 1}})) as server:
        query = {
            "query": "query A($id: ID!) { a(id: $id) { id } } query B { b }",
            "variables": {"id": "{{input.id}}"},
            "operation": "A",
        }
        output = (await call_http(server, {"id": 7}, graphql=query)).output
    assert output["body"]["data"] == {"me": 1}
    assert server.requests[0].json == {
        "query": query["query"], "variables": {"id": 7}, "operationName": "A",
    }  # fmt: skip
