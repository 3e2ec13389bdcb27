/** Changes of a text, and pointers into the data that it holds. */

/** Characters `from` to `to` become `insert`; offsets count UTF-16 units, as strings do. */
export interface Change {
  from: number;
  to: number;
  insert: string;
}

export type Path = readonly (string | number)[];

/** Return the text after a change. */
export const applied = (text: string, { from, to, insert }: Change): string =>
  text.slice(0, from) + insert + text.slice(to);

/** Return the smallest change that makes one text of the other; null if they are equal. */
export function difference(before: string, after: string): Change | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end += 1;
  }
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** Return the parts of a JSON Pointer; `lists` says which numbers are places in lists. */
export function pathOf(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Return the value at a path of plain data. */
export function valueAt(data: unknown, path: Path): unknown {
  let found = data;
  for (const part of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
}

/** Return a copy of plain data with another value at a path; undefined takes it out. */
export function withValue(data: unknown, path: Path, value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(data) || (data == null && typeof first === "number")) {
    const copy = [...((data ?? []) as unknown[])];
    const index = Number(first);
    if (rest.length === 0 && value === undefined) copy.splice(index, 1);
    else copy[index] = withValue(copy[index], rest, value);
    return copy;
  }
  const copy: Record<string, unknown> = { ...(data as Record<string, unknown> | null) };
  if (rest.length === 0 && value === undefined) delete copy[String(first)];
  else copy[String(first)] = withValue(copy[String(first)], rest, value);
  return copy;
}
