/** Adds up what a run used; the end of a node repeats what it had emitted before. */
import type { RunEvent } from "../api/types.ts";

/** Tokens, calls and cost, by model; what no model is known for is under the empty name. */
export type ModelUsage = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What nodes that are at work have emitted of their usage, by place. */
export type Counted = ReadonlyMap<string, ModelUsage>;

/** Return the usage in the data of an event, by model. */
export function usageOf(data: Record<string, unknown>): ModelUsage {
  const usage = (data["usage"] ?? {}) as Record<string, number>;
  if (Object.keys(usage).length === 0) return {};
  const models = data["models"] as Record<string, Record<string, number>> | undefined;
  if (!models) return { [String(data["model"] ?? "")]: usage };
  let rest: ModelUsage = { "": usage };
  for (const of of Object.values(models)) rest = minus(rest, { "": of });
  const left = Object.entries(rest[""] ?? {}).filter(([, amount]) => Math.abs(amount) > 1e-9);
  return left.length > 0 ? { ...models, "": Object.fromEntries(left) } : models;
}

export const plus = (one: ModelUsage, other: ModelUsage): ModelUsage => combined(one, other, 1);

const minus = (one: ModelUsage, other: ModelUsage): ModelUsage => combined(one, other, -1);

/** Return what an event of a node adds, and change what is counted of nodes at work. */
export function addedBy(
  event: RunEvent,
  place: string,
  counted: Map<string, ModelUsage>,
): ModelUsage {
  const data = (event.data ?? {}) as Record<string, unknown>;
  const before = counted.get(place) ?? {};
  if (event.kind === "node.used") {
    const used = usageOf(data);
    counted.set(place, plus(before, used));
    return used;
  }
  if (event.kind === "node.started" || event.kind === "node.waiting") counted.delete(place);
  if (event.kind !== "node.completed" && event.kind !== "node.failed") return {};
  counted.delete(place);
  return minus(usageOf(data), before);
}

/** Return the amounts of all models together. */
export function totalOf(usage: ModelUsage): Record<string, number> {
  const total: Record<string, number> = {};
  for (const amounts of Object.values(usage)) {
    for (const [name, amount] of Object.entries(amounts)) {
      total[name] = (total[name] ?? 0) + amount;
    }
  }
  return total;
}

function combined(one: ModelUsage, other: ModelUsage, sign: 1 | -1): ModelUsage {
  const found: Record<string, Record<string, number>> = { ...one };
  for (const [model, amounts] of Object.entries(other)) {
    const sum = { ...found[model] };
    for (const [name, amount] of Object.entries(amounts)) {
      sum[name] = (sum[name] ?? 0) + sign * amount;
    }
    found[model] = sum;
  }
  return found;
}
