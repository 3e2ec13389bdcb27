/** What is wrong with the value of a form: as it is checked here, and as the server says. */
import { formWords } from "#words/forms.ts";
import { isObject } from "../api/client.ts";
import { formatNumber } from "../words/format.ts";
import {
  fieldOf,
  propertiesOf,
  requiredOf,
  type Schema,
  UnreadableJson,
  within,
} from "./schema.ts";

/** Sentences by the place of the field, a JSON Pointer; the form itself is at "". */
export type Problems = Readonly<Record<string, string>>;

const texts = formWords.problems;

/** Return what is wrong with a value; the server checks it once more. */
export function problemsOf(given: unknown, value: unknown, root: Schema, pointer = ""): Problems {
  if (value instanceof UnreadableJson) return { [pointer]: texts.json };
  const { schema, kind, isNullable, variants } = fieldOf(given, root, pointer.split("/").length);
  if (value === null && isNullable) return {};
  if (kind === "object") return problemsOfObject(schema, value, root, pointer);
  if (kind === "array") return problemsOfList(schema, value, root, pointer);
  if (kind === "variants") {
    const found = variants.map((each) => problemsOf(each, value, root, pointer));
    if (found.some((each) => Object.keys(each).length === 0)) return {};
    // Of the one that is nearest, the single problems say more.
    const near = found.filter((each) => !(pointer in each));
    const inside = near.toSorted((one, other) => size(one) - size(other))[0];
    return inside ?? { [pointer]: value === undefined ? texts.required : texts.kind };
  }
  const problem = problemOfValue(schema, kind, value);
  return problem ? { [pointer]: problem } : {};
}

/**
 * Return the server's sentences by their fields; those that name no field are at "".
 *
 * A sentence is `path.to.field: what is wrong`; one about the whole begins with `whole`.
 */
export function problemsOfServer(details: unknown, whole: string): Problems {
  const found: Record<string, string> = {};
  for (const each of Array.isArray(details) ? details : []) {
    const [, path = "", sentence = ""] = /^(.*?): (.*)$/s.exec(String(each)) ?? [];
    const start = path === whole ? "" : path.split(".").reduce(within, "");
    const missing = /^'(.+)' is a required property$/.exec(sentence)?.[1];
    const pointer = missing === undefined ? start : within(start, missing);
    found[sentence ? pointer : ""] =
      missing === undefined ? sentence || String(each) : texts.required;
  }
  return found;
}

/** Return the sentences of a refused body by their fields: each detail has a place and a sentence. */
export function problemsOfBody(details: unknown): Problems {
  const found: Record<string, string> = {};
  for (const each of Array.isArray(details) ? details : []) {
    if (!isObject(each) || !Array.isArray(each["at"])) continue;
    const [, ...path] = each["at"].map(String);
    const pointer = path.reduce(within, "");
    found[pointer] ??= String(each["message"]);
  }
  return found;
}

function problemsOfObject(schema: Schema, value: unknown, root: Schema, pointer: string): Problems {
  if (value === undefined) return { [pointer]: texts.required };
  if (!isObject(value)) return { [pointer]: texts.object };
  const required = requiredOf(schema);
  const found: Record<string, string> = {};
  for (const [name, each] of propertiesOf(schema)) {
    const place = within(pointer, name);
    if (value[name] !== undefined) Object.assign(found, problemsOf(each, value[name], root, place));
    else if (required.has(name)) found[place] = texts.required;
  }
  return found;
}

function problemsOfList(schema: Schema, value: unknown, root: Schema, pointer: string): Problems {
  if (value === undefined) return { [pointer]: texts.required };
  if (!Array.isArray(value)) return { [pointer]: texts.list };
  const { minItems, maxItems, uniqueItems } = schema;
  if (typeof minItems === "number" && value.length < minItems)
    return { [pointer]: texts.few(minItems) };
  if (typeof maxItems === "number" && value.length > maxItems)
    return { [pointer]: texts.many(maxItems) };
  if (uniqueItems && new Set(value.map((each) => JSON.stringify(each))).size < value.length)
    return { [pointer]: texts.twice };
  const found = value.map((each, index) =>
    each === undefined
      ? { [within(pointer, index)]: texts.required }
      : problemsOf(schema["items"], each, root, within(pointer, index)),
  );
  return Object.assign({}, ...found) as Problems;
}

function problemOfValue(schema: Schema, kind: string, value: unknown): string | undefined {
  if (value === undefined) return texts.required;
  switch (kind) {
    case "const":
      return isSame(value, schema["const"])
        ? undefined
        : texts.same(JSON.stringify(schema["const"]));
    case "enum":
      return (schema["enum"] as unknown[]).some((each) => isSame(each, value))
        ? undefined
        : texts.choice;
    case "boolean":
      return typeof value === "boolean" ? undefined : texts.boolean;
    case "number":
    case "integer":
      return problemOfNumber(schema, kind, value);
    case "json":
      return problemOfJson(schema, value);
    default:
      return problemOfText(schema, kind, value);
  }
}

function problemOfNumber(schema: Schema, kind: string, value: unknown): string | undefined {
  if (typeof value !== "number") return texts[kind === "integer" ? "integer" : "number"];
  if (kind === "integer" && !Number.isInteger(value)) return texts.integer;
  const limits: [string, (limit: number) => boolean, (limit: string) => string][] = [
    ["minimum", (limit) => value >= limit, texts.least],
    ["maximum", (limit) => value <= limit, texts.most],
    ["exclusiveMinimum", (limit) => value > limit, texts.above],
    ["exclusiveMaximum", (limit) => value < limit, texts.below],
    ["multipleOf", (limit) => isMultiple(value, limit), texts.multiple],
  ];
  for (const [name, fits, sentence] of limits) {
    const limit = schema[name];
    if (typeof limit === "number" && !fits(limit)) return sentence(formatNumber(limit));
  }
  return undefined;
}

function problemOfText(schema: Schema, kind: string, value: unknown): string | undefined {
  if (typeof value !== "string") return texts.text;
  const { minLength, maxLength, pattern } = schema;
  const length = [...value].length;
  if (typeof minLength === "number" && length < minLength) return texts.short(minLength);
  if (typeof maxLength === "number" && length > maxLength) return texts.long(maxLength);
  if (typeof pattern === "string" && !isMatch(pattern, value)) return texts.pattern(pattern);
  if (kind === "date" && Number.isNaN(Date.parse(value))) return texts.moment;
  if (kind === "date-time" && Number.isNaN(Date.parse(value))) return texts.moment;
  return undefined;
}

function problemOfJson(schema: Schema, value: unknown): string | undefined {
  if (schema["type"] === "object" && !isObject(value)) return texts.object;
  if (schema["type"] === "array" && !Array.isArray(value)) return texts.list;
  return undefined;
}

const size = (problems: Problems): number => Object.keys(problems).length;

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

function isMultiple(value: number, of: number): boolean {
  const count = value / of;
  return Math.abs(count - Math.round(count)) < 1e-9;
}

function isMatch(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // The server knows patterns that a browser does not.
  }
}
