/**
 * Edits of a YAML or JSON text that change only what they must: comments, order and style stay.
 *
 * The `yaml` package finds the places. Each edit is proved by reading the new text: where that does
 * not hold the data that was meant, the smallest collection around the place is written as a whole.
 */
import { isCollection, parseDocument } from "yaml";
import { applied, type Path, valueAt, withValue } from "./changes.ts";
import { setting } from "./insertions.ts";
import { nodeAt, type Source } from "./places.ts";
import { removal } from "./removals.ts";

/** The text cannot be read, so there is no place to change. */
export class Unreadable extends Error {}

/** Return the text with a value at a path, which may not exist yet; undefined takes it out. */
export function withEdit(text: string, path: Path, value: unknown): string {
  const source = read(text);
  const before = source.document.toJS();
  if (value === undefined && valueAt(before, path) === undefined) return text;
  const wanted = withValue(before, path, value);
  const change = value === undefined ? removal(source, path) : setting(source, path, value);
  const done = change && applied(text, change);
  if (done !== null && holds(done, wanted)) return done;
  return rewritten(source, path, wanted);
}

/** Return the text with an item added at the end of the list at a path. */
export function withItem(text: string, path: Path, item: unknown): string {
  const list = valueAt(dataOf(text), path);
  return withEdit(text, [...path, Array.isArray(list) ? list.length : 0], item);
}

/** Return the text written evenly: its comments and its order stay, its line breaks may not. */
export function formatted(text: string): string {
  const source = read(text);
  if (source.isJson) return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  return source.document.toString({ lineWidth: 0 });
}

/** Return the data that a text holds; raise Unreadable if it is not YAML. */
export const dataOf = (text: string): unknown => read(text).document.toJS();

function read(text: string): Source {
  const document = parseDocument(text, { merge: true, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem) throw new Unreadable(problem.message);
  return { text, document, isJson: isJson(text) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function holds(text: string, wanted: unknown): boolean {
  try {
    return JSON.stringify(sorted(dataOf(text))) === JSON.stringify(sorted(wanted));
  } catch {
    return false;
  }
}

/** Return data whose objects have their keys in order, so that equal data have equal texts. */
function sorted(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(sorted);
  if (typeof data !== "object" || data === null) return data;
  const entries = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}

/** Write the smallest collection around a path as a whole, or larger ones, up to all of the text. */
function rewritten(source: Source, path: Path, wanted: unknown): string {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const around = path.slice(0, length);
    if (!isCollection(nodeAt(source.document, around))) continue;
    const change = setting(source, around, valueAt(wanted, around));
    const done = change && applied(source.text, change);
    if (done !== null && holds(done, wanted)) return done;
  }
  if (source.isJson) return `${JSON.stringify(wanted, null, 2)}\n`;
  const copy = source.document.clone();
  copy.contents = copy.createNode(wanted) as never;
  return copy.toString({ lineWidth: 0 });
}
