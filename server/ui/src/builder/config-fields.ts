/** Which field of a form shows a field of a node's configuration. */

export interface FieldSchema {
  kind: "choice" | "boolean" | "number" | "line" | "text" | "yaml";
  choices: string[];
  description: string;
  /** As it is written in the placeholder. */
  shown: string;
  isRequired: boolean;
  /** A value with parts may also be a text, such as an expression. */
  takesText: boolean;
  /** `condition`, `model` and so on. */
  format: string;
  /** It may read secrets. */
  takesSecrets?: boolean;
}

type Schema = Record<string, unknown>;

// Texts that have several lines as a rule.
const LONG = new Set([
  "prompt",
  "system",
  "instructions",
  "template",
  "code",
  "text",
  "query",
  "body",
  "description",
  "message",
]);
const REFERENCES: Record<string, string> = {
  model: "model",
  collection: "collection",
  workflow: "workflow",
  true_edge: "node",
  false_edge: "node",
};

/** Return how each field of a configuration is shown, in the order of its schema. */
export function fieldsOf(schema: Schema): [string, FieldSchema][] {
  const properties = (schema["properties"] ?? {}) as Record<string, Schema>;
  const required = (schema["required"] ?? []) as string[];
  return Object.entries(properties).map(([name, each]) => [
    name,
    fieldOf(name, each, required.includes(name)),
  ]);
}

function fieldOf(name: string, schema: Schema, isRequired: boolean): FieldSchema {
  const meant = withoutNull(schema);
  const fallback = schema["default"];
  return {
    kind: kindOf(name, meant),
    choices: ((meant["enum"] as unknown[] | undefined) ?? []).map(String),
    description: String(schema["description"] ?? ""),
    shown: fallback === undefined || fallback === null ? "" : JSON.stringify(fallback),
    isRequired,
    takesText: takesText(meant),
    format: String(schema["format"] ?? REFERENCES[name] ?? ""),
    takesSecrets: schema["x-secrets"] === true || meant["x-secrets"] === true,
  };
}

function withoutNull(schema: Schema): Schema {
  const choices = schema["anyOf"] as Schema[] | undefined;
  if (!choices) return schema;
  const left = choices.filter((each) => each["type"] !== "null");
  return left.length === 1 ? (left[0] ?? {}) : schema;
}

function takesText(schema: Schema): boolean {
  const choices = (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;
  if (choices) return choices.some(takesText);
  const type = schema["type"];
  if (Array.isArray(type)) return type.includes("string");
  return type === "string" || (type === undefined && !("$ref" in schema));
}

function kindOf(name: string, schema: Schema): FieldSchema["kind"] {
  if (schema["enum"]) return "choice";
  if (schema["format"] === "condition") return "line";
  switch (schema["type"]) {
    case "boolean":
      return "boolean";
    case "number":
    case "integer":
      return "number";
    case "string":
      return LONG.has(name) ? "text" : "line";
    default:
      return "yaml";
  }
}
