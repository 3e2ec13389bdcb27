/** Values that are too big for a page until someone asks for them. */
import type { RunEvent } from "../api/types.ts";

/** Larger values are cut, in bytes as JSON. */
export const MOST_BYTES = 20_000;
// As the server cuts them.
const START = 200;

/** What stands for a value that was cut. */
export interface Cut {
  bytes: number;
  /** How its JSON begins. */
  start: string;
}

/** Return what stands for a value, or null if the value is whole. */
export function cutOf(value: unknown): Cut | null {
  if (typeof value !== "object" || value === null) return null;
  const found = (value as { $cut?: Cut }).$cut;
  return found && Object.keys(value).length === 1 ? found : null;
}

/** Return an event with the big values of its data cut, as the server cuts those of `/logs`. */
export function cutEvent<T extends RunEvent>(event: T): T {
  const data = event.data;
  if (typeof data !== "object" || data === null) return event;
  const entries = Object.entries(data);
  const shortened = entries.map(([name, value]) => [name, cutValue(value)] as const);
  if (shortened.every(([, value], index) => value === entries[index]?.[1])) return event;
  return { ...event, data: Object.fromEntries(shortened) };
}

function cutValue(value: unknown): unknown {
  if (typeof value === "string" ? value.length < MOST_BYTES / 4 : typeof value !== "object") {
    return value;
  }
  const text = JSON.stringify(value) ?? "";
  // Only what may be too long is measured in bytes.
  if (text.length * 3 <= MOST_BYTES) return value;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MOST_BYTES) return value;
  return { $cut: { bytes, start: text.slice(0, START) } };
}
