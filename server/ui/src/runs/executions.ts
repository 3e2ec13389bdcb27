/** The executions of nodes in a run, as they follow from its events. */
import type { Failure, RunEvent } from "../api/types.ts";
import type { ModelUsage } from "./usage.ts";

export type ExecutionState =
  | "running"
  | "waiting"
  | "retrying"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";

/** A part of an execution's time, in milliseconds since 1970; without an end, it still lasts. */
export interface Span {
  kind: "work" | "wait" | "delay";
  from: number;
  to: number | null;
}

/** An attempt that failed, and was followed by another. */
export interface FailedAttempt {
  attempt: number;
  at: string;
  message: string;
  /** Seconds until the next attempt. */
  delay: number;
}

/** What a node waits for. */
export interface WaitsFor {
  id: string;
  kind: string;
  data: unknown;
}

/** One execution of a node; turns of loops, items of maps and repetitions have their own. */
export interface Execution {
  /** Number of the event with which it began. */
  number: number;
  nodeId: string;
  /** The turns and items that it is in: `each#0/2/`. */
  path: string;
  /** The node's name: `each.send`. */
  name: string;
  type: string;
  state: ExecutionState;
  startedAt: string | null;
  finishedAt: string | null;
  spans: Span[];
  failedAttempts: FailedAttempt[];
  attempts: number;
  waitsFor: WaitsFor | null;
  branch: string | null;
  input: Record<string, unknown> | null;
  output: unknown;
  error: Failure | null;
  /** The run continues after the error. */
  isHandled: boolean;
  isCached: boolean;
  /** The output comes from an earlier run or a mock. */
  isReplayed: boolean;
  durationMs: number | null;
  usage: ModelUsage;
  /** The texts that it emitted so far, such as tokens. */
  said: string;
  /** Number of the event with which it ended. */
  end: number | null;
}

// A text that grows longer is cut at its beginning.
const MOST_SAID = 100_000;

/** Return the name of a node: `each#0/2/` and `ask` are `each.ask`. */
export function nameOf(path: string, nodeId: string): string {
  const around = path.split("/").filter((each) => each.includes("#"));
  return [...around.map((each) => each.split("#")[0] ?? ""), nodeId].join(".");
}

/** Return the turns and items of a path, counted from 1: `each#0/2/` is `3`, none is empty. */
export function turnOf(path: string): string {
  const parts = path.split("/").filter(Boolean);
  return parts
    .filter((each) => !each.includes("#"))
    .map((each) => (/^\d+$/.test(each) ? String(Number(each) + 1) : each))
    .join("·");
}

/** Return the execution that an event begins. */
export function begun(event: RunEvent, nodeId: string): Execution {
  const isSkipped = event.kind === "node.skipped";
  return {
    number: event.number,
    nodeId,
    path: event.path,
    name: nameOf(event.path, nodeId),
    type: textOf(fields(event)["type"]),
    state: isSkipped ? "skipped" : "running",
    startedAt: isSkipped ? null : event.at,
    finishedAt: null,
    spans: isSkipped ? [] : [{ kind: "work", from: Date.parse(event.at), to: null }],
    failedAttempts: [],
    attempts: isSkipped ? 0 : 1,
    waitsFor: null,
    branch: null,
    input: null,
    output: null,
    error: null,
    isHandled: false,
    isCached: false,
    isReplayed: false,
    durationMs: null,
    usage: {},
    said: "",
    end: isSkipped ? event.number : null,
  };
}

/** Return an execution after an event of its node. */
export function continued(old: Execution, event: RunEvent): Execution {
  const data = fields(event);
  switch (event.kind) {
    case "node.retrying":
      return retrying(old, event, data);
    case "node.waiting":
      return {
        ...resumedAs(old, event.at, "wait"),
        state: "waiting",
        waitsFor: waitsForOf(data["interrupt"]),
      };
    case "node.said":
      return { ...resumed(old, event.at), said: `${old.said}${said(data)}`.slice(-MOST_SAID) };
    case "node.cancelled":
      return { ...cutOff(old, event.at), waitsFor: null, end: event.number };
    case "node.completed":
    case "node.failed":
      return finished(old, event, data);
    default:
      return old;
  }
}

/** Return an execution that works again after it waited. */
export function resumed(old: Execution, at: string): Execution {
  if (old.state !== "waiting" && old.state !== "retrying") return old;
  return { ...resumedAs(old, at, "work"), state: "running", waitsFor: null };
}

/** Return an execution that its run's end, or a lost worker, has cut off. */
export function cutOff(old: Execution, at: string): Execution {
  if (old.finishedAt !== null || old.state === "skipped") return old;
  return { ...old, state: "cancelled", finishedAt: at, spans: closed(old.spans, at) };
}

export const isAtWork = (execution: Execution): boolean =>
  ["running", "waiting", "retrying"].includes(execution.state);

export const fields = (event: RunEvent): Record<string, unknown> =>
  (event.data ?? {}) as Record<string, unknown>;

function retrying(old: Execution, event: RunEvent, data: Record<string, unknown>): Execution {
  const attempt = Number(data["attempt"]);
  const delay = Number(data["delay"]);
  const failed = { attempt, at: event.at, message: textOf(data["message"]), delay };
  const from = Date.parse(event.at);
  // No event says when the next attempt begins: it does after the delay.
  const again = from + delay * 1_000;
  const spans = closed(old.spans, event.at);
  spans.push({ kind: "delay", from, to: again }, { kind: "work", from: again, to: null });
  return {
    ...old,
    state: "retrying",
    attempts: attempt + 1,
    failedAttempts: [...old.failedAttempts, failed],
    spans,
    // The next attempt writes its text from the beginning.
    said: "",
  };
}

function finished(old: Execution, event: RunEvent, data: Record<string, unknown>): Execution {
  const isFailed = event.kind === "node.failed";
  return {
    ...old,
    state: isFailed ? "failed" : "completed",
    finishedAt: event.at,
    spans: closed(old.spans, event.at),
    attempts: Number(data["attempts"] ?? old.attempts),
    waitsFor: null,
    branch: (data["branch"] as string | null | undefined) ?? null,
    input: (data["input"] as Record<string, unknown> | undefined) ?? null,
    output: data["output"] ?? null,
    error: isFailed ? failureOf(data) : null,
    isHandled: data["handled"] === true,
    isCached: data["cached"] === true,
    isReplayed: data["replayed"] === true,
    durationMs: Number(data["duration_ms"] ?? 0),
    end: event.number,
  };
}

function failureOf(data: Record<string, unknown>): Failure {
  const found: Record<string, unknown> = {};
  for (const name of ["code", "message", "at", "reference", "value", "hint"]) {
    if (data[name] !== undefined) found[name] = data[name];
  }
  return found as Failure;
}

function resumedAs(old: Execution, at: string, kind: Span["kind"]): Execution {
  return { ...old, spans: [...closed(old.spans, at), { kind, from: Date.parse(at), to: null }] };
}

function closed(spans: readonly Span[], at: string): Span[] {
  const end = Date.parse(at);
  return spans
    .filter((each) => each.from <= end)
    .map((each) => (each.to === null || each.to > end ? { ...each, to: end } : each));
}

function waitsForOf(interrupt: unknown): WaitsFor | null {
  if (typeof interrupt !== "object" || interrupt === null) return null;
  const found = interrupt as Record<string, unknown>;
  return { id: textOf(found["id"]), kind: textOf(found["kind"]), data: found["data"] };
}

function said(data: Record<string, unknown>): string {
  const inner = data["data"];
  if (data["kind"] === "stdout") return textOf(inner);
  if (data["kind"] !== "token" && data["kind"] !== "thought") return "";
  return textOf((inner as Record<string, unknown> | null)?.["text"]);
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
