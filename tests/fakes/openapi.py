"""An OpenAPI document of a small service."""

from typing import Any

PET = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "mother": {"$ref": "#/components/schemas/Pet"},
    },
    "required": ["name"],
}


def document(server: str = "https://pets.test/v1", **more: Any) -> dict[str, Any]:
    json_pet = {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": server}],
        "paths": {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "get": {
                    "operationId": "getPet",
                    "summary": "Look a pet up.",
                    "parameters": [
                        {"name": "fields", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                        {"name": "theme", "in": "cookie", "schema": {"type": "string"}},
                    ],
                    "responses": {"200": {"content": json_pet}, "404": {"description": "none"}},
                },
                "put": {
                    "operationId": "keepPet",
                    "requestBody": {"required": True, "content": json_pet},
                    "responses": {"200": {"content": json_pet}},
                },
            },
            "/names": {
                "post": {
                    "operationId": "addNames",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}},
                    },
                    "responses": {"204": {"description": "kept"}},
                },
            },
        },
        "components": {"schemas": {"Pet": PET}},
        **more,
    }  # fmt: skip
