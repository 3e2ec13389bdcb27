/** Lines and columns of the server, which count code points, and offsets in a text. */
import type { PositionBody, RangeBody } from "../api/types.ts";

/** A text by its lines, so that many places can be looked up. */
export interface Lines {
  text: string;
  starts: number[];
}

export function linesOf(text: string): Lines {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return { text, starts };
}

/** Return the offset of a place; that of the end for one behind it. */
export function offsetOf({ text, starts }: Lines, { line, column }: PositionBody): number {
  const start = starts[line - 1] ?? text.length;
  const end = starts[line] ?? text.length;
  let at = start;
  for (let count = 1; count < column && at < end; count += 1) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return at;
}

/** Return the offsets of a range. */
export const extentOf = (lines: Lines, range: RangeBody): { from: number; to: number } => ({
  from: offsetOf(lines, range.start),
  to: offsetOf(lines, range.end),
});
