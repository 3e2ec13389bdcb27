/** JSON Schemas as forms read them: references resolved, and what kind of field shows one. */
import { isObject } from "../api/client.ts";

export type Schema = Record<string, unknown>;

/** A text that is to be JSON and is not; it is never sent. */
export class UnreadableJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type FieldKind =
  | "string"
  | "long"
  | "number"
  | "integer"
  | "boolean"
  | "enum"
  | "const"
  | "date"
  | "date-time"
  | "time"
  | "array"
  | "object"
  | "variants"
  | "json";

/** A schema that one field shows, without references. */
export interface FieldSchema {
  schema: Schema;
  kind: FieldKind;
  /** The value may be null, which the form shows as an empty field. */
  isNullable: boolean;
  /** The schemas of a choice, if it is one. */
  variants: Schema[];
}

// A schema that contains itself ends as JSON text.
const DEEPEST = 8;
// Texts that may be longer have a field of several lines.
const LONG = 200;

/** Return what shows a schema; `root` has what its references name. */
export function fieldOf(given: unknown, root: Schema, depth = 0): FieldSchema {
  const schema = resolved(given, root);
  const { rest, isNullable } = withoutNull(schema, root);
  const variants = variantsOf(rest);
  if (variants.length === 1) {
    const { anyOf: _, oneOf: __, ...around } = rest;
    const only = fieldOf({ ...resolved(variants[0], root), ...around }, root, depth + 1);
    return { ...only, isNullable: isNullable || only.isNullable };
  }
  const kind = depth > DEEPEST ? "json" : kindOf(rest, variants.length);
  return { schema: rest, kind, isNullable, variants };
}

/** Return a schema with what its reference names; what stands beside the reference wins. */
export function resolved(given: unknown, root: Schema): Schema {
  let schema = isObject(given) ? given : {};
  for (let step = 0; step < DEEPEST && typeof schema["$ref"] === "string"; step += 1) {
    const { $ref, ...beside } = schema;
    schema = { ...at(root, String($ref)), ...beside };
  }
  const all = schema["allOf"];
  if (Array.isArray(all) && all.length === 1) {
    const { allOf: _, ...beside } = schema;
    return { ...resolved(all[0], root), ...beside };
  }
  return schema;
}

/** Return the fields of an object, in their order. */
export function propertiesOf(schema: Schema): [string, Schema][] {
  const found = schema["properties"];
  return isObject(found)
    ? Object.entries(found).map(([name, each]) => [name, isObject(each) ? each : {}])
    : [];
}

export const requiredOf = (schema: Schema): Set<unknown> =>
  new Set(Array.isArray(schema["required"]) ? schema["required"] : []);

/** Return what people call a field: its title, or its name with spaces. */
export function titleOf(schema: Schema, name: string): string {
  const title = schema["title"];
  if (typeof title === "string" && title) return title;
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text ? text.charAt(0).toUpperCase() + text.slice(1) : name;
}

/** Return a place one step further in, as a JSON Pointer. */
export const within = (pointer: string, name: string | number): string =>
  `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

function at(root: Schema, reference: string): Schema {
  if (!reference.startsWith("#")) return {};
  let found: unknown = root;
  for (const step of reference.slice(1).split("/").filter(Boolean)) {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) ? found[name] : undefined;
  }
  return isObject(found) ? found : {};
}

function variantsOf(schema: Schema): Schema[] {
  const found = schema["anyOf"] ?? schema["oneOf"];
  return Array.isArray(found) ? found.map((each) => (isObject(each) ? each : {})) : [];
}

function withoutNull(schema: Schema, root: Schema): { rest: Schema; isNullable: boolean } {
  const type = schema["type"];
  if (Array.isArray(type)) {
    const others = type.filter((each) => each !== "null");
    const isNullable = others.length < type.length;
    if (others.length === 1) return { rest: { ...schema, type: others[0] }, isNullable };
    const { type: _, ...around } = schema;
    return { rest: { ...around, anyOf: others.map((each) => ({ type: each })) }, isNullable };
  }
  for (const name of ["anyOf", "oneOf"]) {
    const all = schema[name];
    if (!Array.isArray(all)) continue;
    const others = all.filter((each) => resolved(each, root)["type"] !== "null");
    if (others.length < all.length)
      return { rest: { ...schema, [name]: others }, isNullable: true };
  }
  return { rest: schema, isNullable: false };
}

function kindOf(schema: Schema, variants: number): FieldKind {
  if (variants > 1) return "variants";
  if ("const" in schema) return "const";
  if (Array.isArray(schema["enum"])) return "enum";
  switch (schema["type"] ?? (isObject(schema["properties"]) ? "object" : undefined)) {
    case "string":
      return kindOfText(schema);
    case "number":
      return "number";
    case "integer":
      return "integer";
    case "boolean":
      return "boolean";
    case "array":
      return isObject(schema["items"]) && !schema["prefixItems"] ? "array" : "json";
    case "object":
      return propertiesOf(schema).length > 0 || schema["additionalProperties"] === false
        ? "object"
        : "json";
    default:
      return "json";
  }
}

function kindOfText(schema: Schema): FieldKind {
  const { format, maxLength } = schema;
  if (format === "date" || format === "date-time" || format === "time") return format;
  const isLong = typeof maxLength === "number" && maxLength > LONG;
  return isLong || format === "multiline" || format === "textarea" ? "long" : "string";
}
