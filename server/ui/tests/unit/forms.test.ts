/** How schemas become fields, what a form begins with, and what is wrong with a value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { initialValue } from "../../src/forms/initial.ts";
import { problemsOf, problemsOfServer } from "../../src/forms/problems.ts";
import { fieldOf, type Schema, titleOf, UnreadableJson } from "../../src/forms/schema.ts";

const kindOf = (schema: Schema, root: Schema = schema) => fieldOf(schema, root).kind;

test("each schema has a field that can show it", () => {
  const found: [Schema, string][] = [
    [{ type: "string" }, "string"],
    [{ type: "string", maxLength: 5_000 }, "long"],
    [{ type: "string", format: "date" }, "date"],
    [{ type: ["integer", "null"] }, "integer"],
    [{ anyOf: [{ type: "boolean" }, { type: "null" }] }, "boolean"],
    [{ anyOf: [{ type: "boolean" }, { type: "string" }] }, "variants"],
    [{ type: ["string", "number"] }, "variants"],
    [{ enum: [1, 2] }, "enum"],
    [{ type: "array", items: { type: "string" } }, "array"],
    [{ type: "object", additionalProperties: { type: "string" } }, "json"],
    [{}, "json"],
    [true as unknown as Schema, "json"],
  ];
  for (const [schema, kind] of found) assert.equal(kindOf(schema), kind, JSON.stringify(schema));
});

test("references are followed, and a schema that contains itself ends", () => {
  const root = {
    $defs: { tree: { type: "object", properties: { next: { $ref: "#/$defs/tree" } } } },
    $ref: "#/$defs/tree",
  };
  assert.equal(kindOf(root), "object");
  const needed = { ...root, $defs: { tree: { ...root.$defs.tree, required: ["next"] } } };
  assert.ok(JSON.stringify(initialValue(needed, needed)).length < 200);
  assert.equal(kindOf({ $ref: "#/$defs/none" }, root), "json");
});

test("a form begins with what is needed, and leaves out what the server knows", () => {
  const schema = {
    type: "object",
    required: ["on", "list", "kind", "text"],
    properties: {
      on: { type: "boolean" },
      list: { type: "array", items: { type: "string" } },
      kind: { const: "a" },
      text: { type: "string", default: "hi" },
      other: { type: "string", default: "no" },
    },
  };
  const found = initialValue(schema, schema);
  assert.deepEqual(found, { on: false, list: [], kind: "a", text: "hi" });
});

test("each problem is at its field", () => {
  const schema = {
    type: "object",
    required: ["a", "b/c"],
    properties: {
      a: { type: "integer", minimum: 3 },
      "b/c": { type: "string" },
      list: { type: "array", items: { type: "number" }, uniqueItems: true },
      two: { anyOf: [{ type: "number" }, { type: "string", maxLength: 2 }] },
      any: {},
    },
  };
  const at = (value: unknown) => Object.keys(problemsOf(schema, value, schema)).sort();
  assert.deepEqual(at({ a: 3, "b/c": "x", list: [1, 2], two: "ab" }), []);
  assert.deepEqual(at({ a: 2, list: [1, "x"], two: "abc" }), ["/a", "/b~1c", "/list/1", "/two"]);
  assert.deepEqual(at({ a: 3.5, "b/c": "x", list: [1, 1] }), ["/a", "/list"]);
  assert.deepEqual(at({ a: 3, "b/c": "x", any: new UnreadableJson("{") }), ["/any"]);
  assert.deepEqual(at("text"), [""]);
});

test("sentences of the server are at the fields that they name", () => {
  const details = ["where.street: 1 is not of type 'string'", "answer: 'a' is a required property"];
  assert.deepEqual(Object.keys(problemsOfServer(details, "answer")), ["/where/street", "/a"]);
  assert.deepEqual(problemsOfServer(["nothing fits"], "answer"), { "": "nothing fits" });
});

test("a field is called by its title, or by its name in words", () => {
  assert.equal(titleOf({ title: "Due" }, "x"), "Due");
  assert.equal(titleOf({}, "due_date"), "Due date");
});
