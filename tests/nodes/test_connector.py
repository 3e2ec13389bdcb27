"""The `connector` node: operations are checked against their document, and called as it describes."""

import base64
import json
from typing import Any

import pytest

from fakes.flows import Ran, run
from fakes.loopback import Reply, Request, Server, calls, completion, reply_json, serving
from fakes.models import agent, models_at, results, scripted
from fakes.openapi import PET, document
from flowc.compiler.check import check_workflow
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.outside.openapi import BadDocument, find_operation
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import Models

USER = "ada:s3cr3t-0123456789"


def secured(scheme: dict[str, Any]) -> dict[str, Any]:
    parts = {"schemas": {"Pet": PET}, "securitySchemes": {"s": scheme}}
    return {"components": parts, "security": [{"s": []}]}


async def call(server: Server, operation: str, secrets: Any = None, **config: Any) -> Ran:
    port = server.port
    client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": [port]}))
    more = config.pop("more", {})
    config = {"document": document(f"{server.url}/v1", **more), "operation": operation, **config}
    node = {"id": "pet", "type": "connector", "config": config}
    try:
        return await run({"nodes": [node]}, {"id": 7}, {HttpClient: client}, secrets)
    finally:
        await client.aclose()


async def test_an_operation_is_called_as_its_document_describes() -> None:
    with serving(lambda request: reply_json({"name": "Rex", "age": 3})) as server:
        arguments = {
            "id": "{{input.id}}",
            "fields": ["name", "age"],
            "X-Trace": "t",
            "theme": "a b",
        }
        ran = await call(server, "getPet", arguments=arguments)
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/v1/pets/7?fields=name&fields=age")
    assert (request.headers["x-trace"], request.headers["cookie"]) == ("t", "theme=a%20b")
    assert ran.output["body"] == {"name": "Rex", "age": 3}


async def test_arguments_are_the_fields_of_the_body_or_the_whole_body() -> None:
    with serving(lambda request: reply_json({"name": "Rex"})) as server:
        await call(server, "keepPet", arguments={"id": 1, "name": "Rex", "age": 3})
        await call(server, "addNames", arguments={"body": ["a", "b"]})
    assert server.requests[0].json == {"name": "Rex", "age": 3}
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.requests[1].json == ["a", "b"]


@pytest.mark.parametrize(
    ("scheme", "header", "value"),
    [
        ({"type": "http", "scheme": "bearer"}, "authorization", f"Bearer {USER}"),
        ({"type": "http", "scheme": "basic"}, "authorization",
         f"Basic {base64.b64encode(USER.encode()).decode()}"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "x-key", USER),
        ({"type": "apiKey", "in": "cookie", "name": "k"}, "cookie", f"k={USER}"),
        ({"type": "oauth2", "flows": {}}, "authorization", f"Bearer {USER}"),
    ],
)  # fmt: skip
async def test_a_credential_is_sent_as_the_security_scheme_requires(
    scheme: Any, header: str, value: str
) -> None:
    with serving(lambda request: reply_json({"name": "Rex"})) as server:
        more: Any = {
            "arguments": {"id": 1},
            "credential": "{{secrets.key}}",
            "more": secured(scheme),
        }
        ran = await call(server, "getPet", {"key": USER}, **more)
    assert server.requests[0].headers[header] == value
    assert USER not in json.dumps([event.data for event in ran.events])


async def test_a_credential_in_the_query_is_not_in_the_output() -> None:
    with serving(lambda request: reply_json({"name": "Rex"})) as server:
        scheme = {"type": "apiKey", "in": "query", "name": "key"}
        more: Any = {
            "arguments": {"id": 1},
            "credential": "{{secrets.key}}",
            "more": secured(scheme),
        }
        ran = await call(server, "getPet", {"key": "k3y-0123456789"}, **more)
    assert server.requests[0].path == "/v1/pets/1?key=k3y-0123456789"
    assert "k3y-0123456789" not in json.dumps([event.data for event in ran.events])


async def test_computed_arguments_that_do_not_match_fail_the_node() -> None:
    with serving(lambda request: reply_json({})) as server, pytest.raises(NodeFailed) as caught:
        await call(server, "getPet", arguments={"id": "{{input.id ~ 'x'}}"})
    assert caught.value.code == "invalid-configuration"
    assert server.requests == []


def check(**config: Any) -> list[tuple[str, str, str]]:
    config = {"document": document(), **config}
    node = {"id": "pet", "type": "connector", "config": config}
    after = {"id": "b", "type": "template", "depends_on": ["pet"]}
    reads = {**after, "config": {"template": config.pop("reads", "x")}}
    found = check_workflow(from_data({"nodes": [node, reads]}), Registry.installed())
    return [(d.code, d.at.pointer, d.message) for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("config", "pointer", "why"),
    [
        ({"operation": "gitPet"}, "operation", "it has addNames, getPet, keepPet"),
        ({"operation": "getPet", "arguments": {}}, "arguments", "'id' is a required property"),
        ({"operation": "getPet", "arguments": {"id": "x"}}, "arguments", "'x' is not of type"),
        ({"operation": "getPet", "arguments": {"id": 1, "nam": 2}}, "arguments", "'nam' was unexp"),
        ({"operation": "getPet", "document": {"swagger": "2.0"}}, "operation", "not an OpenAPI 3"),
        ({"operation": "keepPet", "arguments": {"id": 1}}, "arguments", "'name' is a required"),
    ],
)
def test_arguments_are_checked_against_the_document_before_a_run(
    config: Any, pointer: str, why: str
) -> None:
    [(code, at, message)] = check(**config)
    assert (code, at) == ("invalid-value", f"/nodes/0/config/{pointer}")
    assert why in message


def test_references_to_a_response_are_checked_against_the_document() -> None:
    good = {"operation": "getPet", "arguments": {"id": "{{input.id}}"}}
    assert check(**good, reads="{{pet.output.body.mother.name}}") == []


ADULT = {
    "type": "integer",
    "nullable": True,
    "minimum": 18,
    "exclusiveMinimum": True,
    "example": "x",
}
TRANSLATED: Any = [
    (ADULT, {"type": ["integer", "null"], "exclusiveMinimum": 18}),
    ({"type": "string", "nullable": False}, {"type": "string"}),
    ({"type": "number", "maximum": 1, "exclusiveMaximum": False}, {"type": "number", "maximum": 1}),
    ({"type": "number", "exclusiveMaximum": True}, {"type": "number"}),
    (
        {"type": "string", "enum": ["a", "b"], "nullable": True},
        {"type": ["string", "null"], "enum": ["a", "b", None]},
    ),
    (
        {"type": "array", "items": {"allOf": [ADULT], "nullable": True}},
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"allOf": [{"type": ["integer", "null"], "exclusiveMinimum": 18}]},
                    {"type": "null"},
                ]
            },
        },
    ),
    # Here they are the names of fields, and a value that is no schema.
    (
        {"type": "object", "properties": {"nullable": {"type": "string"}, "example": {}}},
        {"type": "object", "properties": {"nullable": {"type": "string"}, "example": {}}},
    ),
    ({"default": {"nullable": True}}, {"default": {"nullable": True}}),
]


@pytest.mark.parametrize(("schema", "expected"), TRANSLATED)
@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_schemas_of_openapi_3_0_become_json_schemas(
    version: str, schema: Any, expected: Any
) -> None:
    parts = {"schemas": {"Pet": {"type": "object", "properties": {"it": schema}}}}
    keep = find_operation(document(openapi=version, components=parts), "keepPet")
    found = keep.arguments["properties"]["it"]
    assert found == (expected if version == "3.0.3" else schema)
    assert keep.answer["properties"]["it"] == found


async def test_null_is_a_value_of_a_nullable_argument_and_an_exclusive_bound_is_none() -> None:
    parts = {"schemas": {"Pet": {"type": "object", "properties": {"age": ADULT}}}}
    old = {"openapi": "3.0.3", "components": parts}
    with serving(lambda request: reply_json({"age": None})) as server:
        ran = await call(server, "keepPet", arguments={"id": 1, "age": None}, more=old)
        assert server.requests[0].json == {"age": None}
        assert ran.output["body"] == {"age": None}
        for age, why in ((18, "18 is less than or equal to"), ("x", "'x' is not of type")):
            config = {"document": document(**old), "operation": "keepPet"}
            [(_, _, message)] = check(**config, arguments={"id": 1, "age": age})
            assert why in message


def test_wrong_documents_are_refused_with_a_reason() -> None:
    bomb: dict[str, Any] = {
        f"S{i}": {"anyOf": [{"$ref": f"#/components/schemas/S{i + 1}"}] * 8} for i in range(30)
    }
    bomb |= {"S30": {"type": "string"}, "Pet": {"$ref": "#/components/schemas/S0"}}
    cases: Any = (
        ({"components": {"schemas": bomb}}, "schemas are too large"),
        ({"components": {"schemas": {"Pet": {"$ref": "https://x.test/y"}}}}, "leads out of"),
        ({"components": {}}, "does not exist in the document"),
        ({"servers": []}, "names no server"),
        ({"paths": {"/x": {"get": {"operationId": "getPet", "parameters": [{}]}}}}, "as OpenAPI"),
    )  # fmt: skip
    for more, why in cases:
        with pytest.raises(BadDocument, match=why):
            find_operation(document(**more), "getPet")
    found = find_operation(document("/v2"), "getPet", "https://pets.test/")
    assert found.base == "https://pets.test/v2"


async def test_an_operation_can_be_a_tool() -> None:
    def pets(request: Request) -> Reply:
        return reply_json({"name": "Rex"})

    with serving(pets) as server:
        tool = {
            "id": "get_pet",
            "type": "connector",
            "config": {"document": document(server.url), "operation": "getPet"},
        }
        asked = calls(("get_pet", {"id": 7}), ("get_pet", {"id": "x"}))
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": [server.port]}))
        with scripted(asked, completion("Done.")) as model:
            await run(agent(tool), {}, {Models: models_at(model), HttpClient: client})
        await client.aclose()
    [offered] = model.requests[0].json["tools"]
    assert offered["function"]["description"] == "Look a pet up."
    assert set(offered["function"]["parameters"]["properties"]) == {
        "id",
        "fields",
        "X-Trace",
        "theme",
    }
    answers = [json.loads(each) for each in results(model.requests[1])]
    assert answers[0] == {"status_code": 200, "body": {"name": "Rex"}}
    assert "'x' is not of type 'integer'" in answers[1]["error"]


KEYS = {
    "paths": {
        "/users/{id}/keys/{key}{form}": {
            "delete": {
                "operationId": "deleteKey",
                "parameters": [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in ("id", "key", "form")
                ],
                "responses": {"204": {"description": "gone"}},
            },
        },
        "/users/{id}": {
            "delete": {
                "operationId": "deleteUser",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {"204": {"description": "gone"}},
            },
        },
    }
}


@pytest.mark.parametrize(
    "id",
    [
        "..", ".", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..%2fadmin", "../admin",
        "7/..", "7/../8", "..\\admin", "7\\8", "%5c..", "..;", "..;a=b", "a/./b", " .. ", "%00",
        "",
    ],
)  # fmt: skip
async def test_an_argument_of_the_path_stays_in_its_segment(id: str) -> None:
    with serving(lambda request: Reply(204)) as server:
        with pytest.raises(NodeFailed) as caught:
            await call(server, "deleteUser", arguments={"id": id}, more=KEYS)
        assert caught.value.code == "arguments-do-not-fit"
        assert server.requests == []


@pytest.mark.parametrize(
    ("id", "path"),
    [("a b", "a%20b"), ("a/b", "a%2Fb"), ("a..b", "a..b"), ("...", "..."), ("100%", "100%25"),
     ("{form}", "%7Bform%7D"), ("?x=1#y", "%3Fx%3D1%23y"), ("ü", "%C3%BC"), ("@a;b", "%40a%3Bb")],
)  # fmt: skip
async def test_other_arguments_of_the_path_are_sent_encoded(id: str, path: str) -> None:
    with serving(lambda request: Reply(204)) as server:
        await call(server, "deleteUser", arguments={"id": id}, more=KEYS)
    assert [request.path for request in server.requests] == [f"/v1/users/{path}"]


async def test_arguments_cannot_leave_their_segment_together() -> None:
    with serving(lambda request: Reply(204)) as server:
        ran = await call(
            server, "deleteKey", arguments={"id": "7", "key": "k", "form": ".pem"}, more=KEYS
        )
        assert ran.output["status_code"] == 204
        for key, form in ((".", "."), ("", "pem"), ("a/.", "./b"), ("%2e", "%2e"), ("k", "/..")):
            with pytest.raises(NodeFailed, match="leave its place"):
                arguments = {"id": "7", "key": key, "form": form}
                await call(server, "deleteKey", arguments=arguments, more=KEYS)
    assert [request.path for request in server.requests] == ["/v1/users/7/keys/k.pem"]


async def test_a_model_that_leaves_the_path_gets_a_failure() -> None:
    with serving(lambda request: Reply(204)) as server:
        config = {"on_error": {"output": "refused"}}
        node = {
            "id": "pet",
            "type": "connector",
            "config": {
                "document": document(f"{server.url}/v1", **KEYS),
                "operation": "deleteUser",
                "arguments": {"id": "{{input.id}}"},
            },
            **config,
        }
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": [server.port]}))
        ran = await run({"nodes": [node]}, {"id": ".."}, {HttpClient: client})
        await client.aclose()
    assert (ran.output, server.requests) == ("refused", [])
