"""The API's description of itself, which clients and newcomers read."""

from typing import Any

import pytest

from flowc.server.app import create_app

DESCRIPTION: dict[str, Any] = create_app().openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_has_a_sentence_and_a_tag_that_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["description"].partition("\n")[0].rstrip().endswith((".", ":"))
    assert set(operation["tags"]) <= {tag["name"] for tag in DESCRIPTION["tags"]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_in_a_path_is_described(name: str) -> None:
    in_path = [each for each in OPERATIONS[name].get("parameters", ()) if each["in"] == "path"]
    assert [each["name"] for each in in_path if not each.get("description")] == []


def test_every_model_has_a_sentence() -> None:
    models = DESCRIPTION["components"]["schemas"]
    foreign = {"HTTPValidationError", "ValidationError"}
    bare = {name for name, model in models.items() if not model.get("description")}
    assert {name for name in bare - foreign if not name.startswith("Body_")} == set()


def test_errors_are_documented_in_their_one_form() -> None:
    conflict = OPERATIONS["POST /api/v1/workflows"]["responses"]["409"]
    schema = conflict["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ErrorResponse"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_body_of_json_can_be_yaml(name: str) -> None:
    bodies = OPERATIONS[name].get("requestBody", {}).get("content", {})
    assert bodies.get("application/yaml") == bodies.get("application/json")


def test_some_bodies_can_be_yaml_and_uploads_cannot() -> None:
    taken = [
        set(operation["requestBody"]["content"])
        for operation in OPERATIONS.values()
        if "requestBody" in operation
    ]
    assert {"application/json", "application/yaml"} in taken
    assert {"multipart/form-data"} in taken


@pytest.mark.parametrize("model", ["Run", "RunOutcome", "NodeRecord", "ExecutionBody"])
def test_the_fields_of_an_error_are_described(model: str) -> None:
    error = DESCRIPTION["components"]["schemas"][model]["properties"]["error"]
    assert {"$ref": "#/components/schemas/Failure"} in error["anyOf"]
    described = DESCRIPTION["components"]["schemas"]["Failure"]
    assert {"code", "message", "at", "reference", "value", "hint"} <= set(described["properties"])
