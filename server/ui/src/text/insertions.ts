/** Where a new pair or item goes in a text, and how it is written there. */
import { isCollection, isMap, isSeq, type Node } from "yaml";
import type { Change, Path } from "./changes.ts";
import {
  columnOf,
  dashBefore,
  endOf,
  endOfPair,
  lineEnd,
  lineStart,
  nodeAt,
  pairOf,
  type Source,
  startOf,
  styleIn,
  type YAMLMap,
  type YAMLSeq,
} from "./places.ts";
import { afterDash, afterKey, flowText, keyText, scalarText } from "./writing.ts";

/** Return the change that sets the value at a path; null where this cannot tell how. */
export function setting(source: Source, path: Path, value: unknown): Change | null {
  const key = path.at(-1);
  if (key === undefined) return null;
  const around = path.slice(0, -1);
  const parent = nodeAt(source.document, around);
  if (!isCollection(parent) || isEmptyInBlock(source, parent, around)) {
    const isIndex = typeof key === "number" || (isSeq(parent) && /^\d+$/.test(key));
    return setting(source, around, isIndex ? [value] : { [key]: value });
  }
  if (isMap(parent)) return inMap(source, parent, path, value);
  return isSeq(parent) ? inList(source, parent, path, value) : null;
}

/** An empty `{}` or `[]` in a block becomes a block itself. */
function isEmptyInBlock(source: Source, node: Node, path: Path): boolean {
  const isEmpty = isCollection(node) && node.items.length === 0;
  return isEmpty && path.length > 0 && !styleIn(source, path.slice(0, -1)).isFlow;
}

function inMap(source: Source, map: YAMLMap, path: Path, value: unknown): Change | null {
  const { text } = source;
  const key = path.at(-1) ?? "";
  const style = styleIn(source, path.slice(0, -1));
  const pair = pairOf(map, key);
  if (style.isFlow) {
    if (pair?.value)
      return inPlace(source, pair.value, flowText(value, style, indentAt(text, pair.value)));
    return pair ? null : intoFlow(source, map, value, style, `${keyText(key, style)}: `);
  }
  const first = map.items[0]?.key as Node | undefined;
  if (!first) return null;
  const indent = columnOf(text, startOf(first));
  if (pair) return afterPairKey(source, pair, value, indent);
  const last = map.items.at(-1) as Parameters<typeof endOfPair>[1];
  const at = lineEnd(text, endOfPair(text, last));
  const insert = `\n${" ".repeat(indent)}${keyText(key, style)}:${afterKey(value, indent)}`;
  return { from: at, to: at, insert };
}

function afterPairKey(
  source: Source,
  pair: NonNullable<ReturnType<typeof pairOf>>,
  value: unknown,
  indent: number,
): Change {
  const { text } = source;
  const scalar = isCollection(pair.value) ? null : scalarText(value, pair.value);
  const isLine = pair.value?.range && !text.slice(...rangeOf(source, pair.value)).includes("\n");
  if (pair.value && scalar !== null && isLine && startOf(pair.value) < endOf(text, pair.value)) {
    return inPlace(source, pair.value, scalar);
  }
  const from = text.indexOf(":", pair.key.range?.[1] ?? 0) + 1;
  const to = endOfPair(text, pair);
  // A comment behind the key stays there, if what follows has lines of its own.
  const comment = /^[ \t]+#[^\n]*/.exec(text.slice(from, to))?.[0] ?? "";
  const insert = afterKey(value, indent);
  return { from, to, insert: insert.startsWith("\n") ? comment + insert : insert };
}

function inList(source: Source, list: YAMLSeq, path: Path, value: unknown): Change | null {
  const { text } = source;
  const style = styleIn(source, path.slice(0, -1));
  const item = list.items[Number(path.at(-1))] as Node | undefined;
  if (style.isFlow) {
    if (item) return inPlace(source, item, flowText(value, style, indentAt(text, item)));
    return intoFlow(source, list, value, style, "");
  }
  if (item) {
    const dash = dashBefore(text, item);
    if (dash < 0) return null;
    const insert = itemText(source, list, value, columnOf(text, dash));
    return { from: dash + 1, to: endOf(text, item), insert };
  }
  const last = list.items.at(-1) as Node | undefined;
  const dash = last ? dashBefore(text, last) : -1;
  if (!last || dash < 0) return null;
  const indent = columnOf(text, dash);
  const at = lineEnd(text, endOf(text, last));
  return {
    from: at,
    to: at,
    insert: `\n${" ".repeat(indent)}-${itemText(source, list, value, indent)}`,
  };
}

/** Write an item as those beside it are: `- {a: 1}` where they are written in a line. */
function itemText(source: Source, list: YAMLSeq, value: unknown, indent: number): string {
  const items = list.items as Node[];
  const inLines = items.length > 0 && items.every((item) => isCollection(item) && item.flow);
  if (inLines && typeof value === "object" && value !== null) {
    const first = items[0] as Node;
    const isPadded = /^[{[] /.test(source.text.slice(startOf(first), startOf(first) + 2));
    return ` ${flowText(value, { isFlow: true, isJson: false, isPadded })}`;
  }
  return afterDash(value, indent);
}

function intoFlow(
  source: Source,
  collection: YAMLMap | YAMLSeq,
  value: unknown,
  style: ReturnType<typeof styleIn>,
  before: string,
): Change {
  const { text } = source;
  const last = collection.items.at(-1);
  if (last === undefined) {
    const at = startOf(collection) + 1;
    return {
      from: at,
      to: at,
      insert: before + flowText(value, style, indentAt(text, collection)),
    };
  }
  const node = "key" in (last as object) ? null : (last as Node);
  const pair = node ? null : (last as Parameters<typeof endOfPair>[1]);
  const at = node ? endOf(text, node) : pair ? endOfPair(text, pair) : 0;
  const start = node ? startOf(node) : pair ? startOf(pair.key) : 0;
  // Items that have lines of their own get one more.
  const isFirstOnLine = text.slice(lineStart(text, start), start).trim() === "";
  const indent = columnOf(text, start);
  const gap = isFirstOnLine ? `,\n${" ".repeat(indent)}` : ", ";
  const written = flowText(value, style, isFirstOnLine ? indent : indentAt(text, collection));
  return { from: at, to: at, insert: gap + before + written };
}

function inPlace(source: Source, node: Node, insert: string): Change {
  const [from, to] = rangeOf(source, node);
  return { from, to, insert };
}

const rangeOf = (source: Source, node: Node): [number, number] => [
  startOf(node),
  endOf(source.text, node),
];

/** Return the indentation of the line that a node begins in. */
function indentAt(text: string, node: Node): number {
  return /^ */.exec(text.slice(lineStart(text, startOf(node))))?.[0].length ?? 0;
}
