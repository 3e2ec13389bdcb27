/** What is taken out of a text with a pair or an item. */
import { isMap, isSeq, type Node } from "yaml";
import type { Change, Path } from "./changes.ts";
import { setting } from "./insertions.ts";
import {
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
} from "./places.ts";

interface Extent {
  start: number;
  end: number;
}

/** Return the change that takes out what is at a path; null if there is nothing, or no way to. */
export function removal(source: Source, path: Path): Change | null {
  const around = path.slice(0, -1);
  const parent = nodeAt(source.document, around);
  const extents = isMap(parent)
    ? parent.items.map((pair) => extentOfPair(source.text, pair as never))
    : isSeq(parent)
      ? (parent.items as Node[]).map((item) => extentOfItem(source.text, item))
      : [];
  const index = isMap(parent)
    ? parent.items.findIndex((pair) => pair === (pairOf(parent, path.at(-1) ?? "") as unknown))
    : Number(path.at(-1));
  const own = extents[index];
  if (!own) return null;
  if (styleIn(source, around).isFlow) return fromFlow(parent, extents, index);
  if (extents.length === 1) return setting(source, around, isMap(parent) ? {} : []);
  return ofLines(source.text, own, extents[index + 1]);
}

function extentOfPair(text: string, pair: Parameters<typeof endOfPair>[1]): Extent {
  return { start: startOf(pair.key), end: endOfPair(text, pair) };
}

function extentOfItem(text: string, item: Node): Extent {
  const dash = dashBefore(text, item);
  return { start: dash < 0 ? startOf(item) : dash, end: endOf(text, item) };
}

/** Take out whole lines; the first key behind a dash gives its place to the next one. */
function ofLines(text: string, own: Extent, next: Extent | undefined): Change | null {
  const start = lineStart(text, own.start);
  const isFirst = text.slice(start, own.start).trim() === "";
  if (!isFirst) return next ? { from: own.start, to: next.start, insert: "" } : null;
  const end = lineEnd(text, own.end);
  if (end < text.length) return { from: start, to: end + 1, insert: "" };
  return { from: Math.max(0, start - 1), to: end, insert: "" };
}

function fromFlow(parent: Node | null, extents: Extent[], index: number): Change | null {
  const own = extents[index];
  if (!own || !parent) return null;
  const items = isSeq(parent) ? (parent.items as Node[]) : null;
  const start = items ? startOf(items[index] as Node) : own.start;
  const before = extents[index - 1];
  if (before) return { from: before.end, to: own.end, insert: "" };
  const next = items?.[1] ? startOf(items[1]) : extents[1]?.start;
  return { from: start, to: next ?? own.end, insert: "" };
}
