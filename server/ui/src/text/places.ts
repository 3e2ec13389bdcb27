/** Places in a text that was read: where values, keys and lines begin and end. */
import {
  type Document,
  isCollection,
  isMap,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Path } from "./changes.ts";
import type { Style } from "./writing.ts";

export interface Source {
  text: string;
  document: Document.Parsed;
  isJson: boolean;
}

/** Return the node at a path, or null. */
export function nodeAt(document: Document.Parsed, path: Path): Node | null {
  let found: unknown = document.contents;
  for (const part of path) {
    if (isMap(found)) found = pairOf(found, part)?.value;
    else if (isSeq(found)) found = found.items[Number(part)];
    else return null;
  }
  return (found as Node | null | undefined) ?? null;
}

/** Return the pair of a key in a mapping. */
export function pairOf(map: YAMLMap, key: string | number): Pair<Node, Node | null> | null {
  const found = map.items.find(
    (pair) => String((pair.key as { value?: unknown }).value) === String(key),
  );
  return (found as Pair<Node, Node | null> | undefined) ?? null;
}

/** Return how values inside of a collection are written. */
export function styleIn(source: Source, path: Path): Style {
  let isFlow = source.isJson;
  let isPadded = source.isJson;
  for (let length = 0; length <= path.length; length += 1) {
    const node = nodeAt(source.document, path.slice(0, length));
    if (isCollection(node) && node.flow) {
      isFlow = true;
      isPadded = /^[{[] /.test(source.text.slice(startOf(node), startOf(node) + 2));
    }
  }
  return { isFlow, isJson: source.isJson, isPadded };
}

export const startOf = (node: Node): number => node.range?.[0] ?? 0;

/** Return where a value ends; the line break and the spaces behind a block do not belong to it. */
export function endOf(text: string, node: Node): number {
  const [start, end] = [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
  let at = end;
  while (at > start && /\s/.test(text[at - 1] ?? "")) at -= 1;
  return at;
}

/** Return where a pair ends: with its value, or with the colon behind its key. */
export function endOfPair(text: string, pair: Pair<Node, Node | null>): number {
  const value = pair.value;
  const hasText = value?.range && value.range[0] !== value.range[1];
  return hasText ? endOf(text, value) : colonAfter(text, pair.key) + 1;
}

/** Return the place of the colon behind a key. */
export function colonAfter(text: string, key: Node): number {
  return text.indexOf(":", key.range?.[1] ?? 0);
}

/** Return the place of the dash before an item of a block list; -1 if it is not on the same line. */
export function dashBefore(text: string, item: Node): number {
  const line = lineStart(text, startOf(item));
  const before = text.slice(line, startOf(item));
  const found = /-[ \t]+(?:&\S+[ \t]+)?$/.exec(before);
  return found ? line + found.index : -1;
}

export const lineStart = (text: string, at: number): number => text.lastIndexOf("\n", at - 1) + 1;

/** Return the end of a line, without its line break. */
export function lineEnd(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found < 0 ? text.length : found;
}

export const columnOf = (text: string, at: number): number => at - lineStart(text, at);

export type { YAMLMap, YAMLSeq };
