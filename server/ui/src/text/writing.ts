/** Writes values as YAML or JSON, in the style of what is around them. */
import { isScalar, type Node, type Scalar, stringify } from "yaml";

/** Where a value is written. */
export interface Style {
  /** Inside of `{}` or `[]`, where a value has no lines of its own. */
  isFlow: boolean;
  isJson: boolean;
  /** `{ a: 1 }` rather than `{a: 1}`. */
  isPadded: boolean;
}

const BLOCK = { lineWidth: 0, indentSeq: true } as const;

/** Return a value as it is written inside of a flow collection, or in JSON. */
export function flowText(value: unknown, style: Style, indent = 0): string {
  if (style.isJson) return indented(JSON.stringify(value, null, 2), indent);
  const written = stringify(value, {
    collectionStyle: "flow",
    lineWidth: 0,
    flowCollectionPadding: style.isPadded,
    // A flow collection that is long would be written in lines.
    minContentWidth: 0,
  }).trimEnd();
  return written.includes("\n") ? JSON.stringify(value) : written;
}

/** Return a scalar in a line, in the style of the one that it replaces; null if it needs lines. */
export function scalarText(value: unknown, former: Node | null): string | null {
  if (typeof value === "object" && value !== null) return null;
  if (typeof value === "string" && value.includes("\n")) return null;
  const type = isScalar(former) ? (former as Scalar).type : undefined;
  const isQuoted = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE";
  if (typeof value === "string" && isQuoted) {
    const singleQuote = type === "QUOTE_SINGLE";
    return stringify(value, { lineWidth: 0, defaultStringType: type, singleQuote }).trimEnd();
  }
  return stringify(value, { lineWidth: 0 }).trimEnd();
}

/** Return what follows `key:` for a value: ` text`, or lines that are indented below the key. */
export function afterKey(value: unknown, indent: number): string {
  return indented(stringify({ k: value }, BLOCK).trimEnd().slice(2), indent);
}

/** Return what follows `-` for an item of a list, in lines below the dash. */
export function afterDash(value: unknown, indent: number): string {
  return indented(stringify([value], BLOCK).trimEnd().slice(1), indent);
}

/** Return a key as it is written; null in JSON is not needed, as its keys are always quoted. */
export function keyText(key: string | number, style: Style): string {
  if (style.isJson) return JSON.stringify(String(key));
  return stringify(String(key), { lineWidth: 0 }).trimEnd();
}

/** Indent all lines but the first; empty ones stay empty. */
function indented(text: string, indent: number): string {
  return text.replace(/\n(?=[^\n])/g, `\n${" ".repeat(indent)}`);
}
