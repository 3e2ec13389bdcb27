/** What two runs did differently, node by node. */
import type { ExecutionBody } from "../api/types.ts";
import { nameOf, turnOf } from "./executions.ts";

export interface Pair {
  /** Name, turn, and how often it ran there before. */
  key: string;
  one: ExecutionBody | null;
  other: ExecutionBody | null;
  /** In status, branch or output; durations always differ. */
  differs: boolean;
}

/** Return the executions of two runs side by side, in the order of the first. */
export function pairsOf(one: ExecutionBody[], other: ExecutionBody[]): Pair[] {
  const others = keyed(other);
  const found: Pair[] = [];
  for (const [key, each] of keyed(one)) {
    found.push(pairOf(key, each, others.get(key) ?? null));
    others.delete(key);
  }
  for (const [key, each] of others) found.push(pairOf(key, null, each));
  return found;
}

function keyed(executions: ExecutionBody[]): Map<string, ExecutionBody> {
  const found = new Map<string, ExecutionBody>();
  const counts = new Map<string, number>();
  for (const each of executions) {
    const turn = turnOf(each.path);
    const key = `${nameOf(each.path, each.node_id)}${turn && ` #${turn}`}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    found.set(count > 1 ? `${key} (${count})` : key, each);
  }
  return found;
}

function pairOf(key: string, one: ExecutionBody | null, other: ExecutionBody | null): Pair {
  const differs =
    one?.status !== other?.status ||
    one?.branch !== other?.branch ||
    one?.error?.code !== other?.error?.code ||
    canonical(one?.output) !== canonical(other?.output);
  return { key, one, other, differs };
}

/** Return a value as text that is the same for equal values, whatever the order of their keys. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "object" && each !== null && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
        : each,
    ) ?? ""
  );
}
