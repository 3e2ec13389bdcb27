/** What a run has done so far, as it follows from its numbered events. */
import type { Failure, Run, RunEvent } from "../api/types.ts";
import {
  begun,
  continued,
  cutOff,
  type Execution,
  fields,
  isAtWork,
  nameOf,
  resumed,
} from "./executions.ts";
import { addedBy, type Counted, type ModelUsage, plus, usageOf } from "./usage.ts";

export type RunStatus = Run["status"];

/** A run after an event; `withEvents` returns the next one, and leaves this one as it is. */
export interface RunView {
  /** Number of the last event. */
  last: number;
  status: RunStatus;
  startedAt: string | null;
  finishedAt: string | null;
  output: unknown;
  error: Failure | null;
  events: readonly RunEvent[];
  /** In the order in which they began. */
  executions: readonly Execution[];
  /** Places of a node's executions in that list, by the node's name. */
  byName: ReadonlyMap<string, readonly number[]>;
  /** The latest execution at a place, by path and node. */
  latest: ReadonlyMap<string, number>;
  /** Nodes that never ran, after the run's end. */
  unreached: readonly string[];
  /** Where it stops; null without debugging, undefined if it is as it was at its start. */
  breakpoints: Breakpoints | null | undefined;
  /** The names of the nodes with breakpoints at which it is paused. */
  stoppedBefore: readonly string[];
  usage: ModelUsage;
  counted: Counted;
}

export interface Breakpoints {
  nodes: readonly string[];
  stepping: boolean;
  conditions: Readonly<Record<string, string>>;
}

export const ENDED: ReadonlySet<RunStatus> = new Set(["completed", "failed", "cancelled"]);

const STATUSES: Partial<Record<RunEvent["kind"], RunStatus>> = {
  "run.created": "pending",
  "run.started": "running",
  "run.resumed": "pending",
  "run.waiting": "waiting",
  "run.paused": "paused",
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
};

/** A run before its first event. */
export const NO_EVENTS: RunView = {
  last: 0,
  status: "pending",
  startedAt: null,
  finishedAt: null,
  output: null,
  error: null,
  events: [],
  executions: [],
  byName: new Map(),
  latest: new Map(),
  unreached: [],
  breakpoints: undefined,
  stoppedBefore: [],
  usage: {},
  counted: new Map(),
};

/** A view while a batch of events changes it. */
interface Draft extends RunView {
  events: RunEvent[];
  executions: Execution[];
  byName: Map<string, readonly number[]>;
  latest: Map<string, number>;
  counted: Map<string, ModelUsage>;
}

/** Return the run after these events; those that it has already are left out. */
export function withEvents(view: RunView, events: readonly RunEvent[]): RunView {
  const fresh = events.filter((event) => event.number > view.last);
  if (fresh.length === 0) return view;
  const draft: Draft = {
    ...view,
    events: [...view.events],
    executions: [...view.executions],
    byName: new Map(view.byName),
    latest: new Map(view.latest),
    counted: new Map(view.counted),
  };
  for (const event of fresh) {
    // The same event may come twice in a batch, after a reconnection.
    if (event.number <= draft.last) continue;
    draft.last = event.number;
    draft.events.push(event);
    if (event.node_id === null) applyToRun(draft, event);
    else applyToNode(draft, event, event.node_id);
  }
  return draft;
}

function applyToRun(draft: Draft, event: RunEvent): void {
  const data = fields(event);
  draft.status = STATUSES[event.kind] ?? draft.status;
  if (STATUSES[event.kind]) draft.stoppedBefore = [];
  switch (event.kind) {
    case "run.started":
      draft.startedAt ??= event.at;
      draft.counted.clear();
      break;
    case "run.resumed":
      draft.finishedAt = null;
      draft.error = null;
      draft.unreached = [];
      break;
    case "run.paused":
      draft.stoppedBefore = stopsIn(data["interrupts"]);
      break;
    case "run.breakpoints":
      draft.breakpoints = breakpointsOf(data["breakpoints"]);
      break;
    case "interrupt.answered":
      answered(draft, event);
      break;
    case "run.used":
      draft.usage = plus(draft.usage, usageOf(data));
      break;
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
      ended(draft, event);
      break;
  }
}

function ended(draft: Draft, event: RunEvent): void {
  const data = fields(event);
  draft.finishedAt = event.at;
  draft.output = data["output"] ?? null;
  draft.error = (data["error"] as Failure | undefined) ?? null;
  draft.unreached = (data["unreached"] as string[] | undefined) ?? [];
  for (const [index, each] of draft.executions.entries()) {
    if (isAtWork(each)) draft.executions[index] = cutOff(each, event.at);
  }
}

/** A node whose question is answered works again, as soon as a worker takes the run. */
function answered(draft: Draft, event: RunEvent): void {
  const data = fields(event);
  const index = draft.latest.get(placeOf(String(data["path"] ?? ""), String(data["node_id"])));
  const found = index === undefined ? undefined : draft.executions[index];
  if (index !== undefined && found) draft.executions[index] = resumed(found, event.at);
}

function applyToNode(draft: Draft, event: RunEvent, nodeId: string): void {
  const place = placeOf(event.path, nodeId);
  const added = addedBy(event, place, draft.counted);
  draft.usage = Object.keys(added).length > 0 ? plus(draft.usage, added) : draft.usage;
  const index = draft.latest.get(place);
  const found = index === undefined ? undefined : draft.executions[index];
  if (event.kind === "node.started" || event.kind === "node.skipped" || !found) {
    // One that is still at work was lost with its worker.
    if (index !== undefined && found && isAtWork(found)) {
      draft.executions[index] = cutOff(found, event.at);
    }
    begin(draft, event, nodeId, added);
  } else if (index !== undefined) {
    const next = continued(found, event);
    const usage = Object.keys(added).length > 0 ? plus(next.usage, added) : next.usage;
    draft.executions[index] = { ...next, usage };
  }
  if (event.kind !== "node.waiting") resumeAround(draft, event);
}

function begin(draft: Draft, event: RunEvent, nodeId: string, usage: ModelUsage): void {
  const first = begun(event, nodeId);
  const isBeginning = event.kind === "node.started" || event.kind === "node.skipped";
  const execution = isBeginning ? first : continued(first, event);
  const index = draft.executions.push({ ...execution, usage }) - 1;
  draft.latest.set(placeOf(event.path, nodeId), index);
  draft.byName.set(execution.name, [...(draft.byName.get(execution.name) ?? []), index]);
}

/** A loop or map that waited works again when a node of its body does. */
function resumeAround(draft: Draft, event: RunEvent): void {
  for (const [path, nodeId] of placesAround(event.path)) {
    const index = draft.latest.get(placeOf(path, nodeId));
    const found = index === undefined ? undefined : draft.executions[index];
    if (index !== undefined && found?.state === "waiting" && !found.waitsFor) {
      draft.executions[index] = resumed(found, event.at);
    }
  }
}

/** Yield path and id of each node whose body a path is in: `a#0/1/b#0/` is in `a`, and in its `b`. */
function* placesAround(path: string): Generator<[string, string]> {
  const parts = path.split("/").filter(Boolean);
  for (const [index, each] of parts.entries()) {
    const at = each.indexOf("#");
    if (at > 0)
      yield [
        parts
          .slice(0, index)
          .map((part) => `${part}/`)
          .join(""),
        each.slice(0, at),
      ];
  }
}

const placeOf = (path: string, nodeId: string): string => `${path}|${nodeId}`;

function stopsIn(interrupts: unknown): string[] {
  if (!Array.isArray(interrupts)) return [];
  const found = interrupts as { kind: string; node_id: string; path: string }[];
  return [
    ...new Set(
      found
        .filter((each) => each.kind === "breakpoint")
        .map((each) => nameOf(each.path, each.node_id)),
    ),
  ].sort();
}

/** Return breakpoints as a run and its events have them. */
export function breakpointsOf(stored: unknown): Breakpoints | null {
  if (typeof stored !== "object" || stored === null) return null;
  const found = stored as Partial<Breakpoints>;
  return {
    nodes: found.nodes ?? [],
    stepping: found.stepping ?? false,
    conditions: found.conditions ?? {},
  };
}
