/** What a form holds before a person enters anything. */
import { fieldOf, propertiesOf, requiredOf, type Schema } from "./schema.ts";

/**
 * Return the value that a schema's form begins with, or undefined.
 *
 * Defaults are not filled in if the server knows them: a field that is left out gets them there.
 */
export function initialValue(given: unknown, root: Schema, isNeeded = true, depth = 0): unknown {
  const { schema, kind, variants } = fieldOf(given, root, depth);
  if ("const" in schema) return isNeeded ? schema["const"] : undefined;
  if (!isNeeded || depth > 6) return undefined;
  if ("default" in schema) return structuredClone(schema["default"]);
  if (kind === "boolean") return false;
  if (kind === "array") return [];
  if (kind === "variants") return initialValue(variants[0], root, true, depth + 1);
  if (kind !== "object") return undefined;
  const required = requiredOf(schema);
  const fields = propertiesOf(schema).map(([name, each]) => [
    name,
    initialValue(each, root, required.has(name), depth + 1),
  ]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}
