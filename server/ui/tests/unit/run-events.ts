/** Generated lists of events, such as a server could send them. */
import type { EventKind, RunEvent } from "../../src/api/types.ts";

/** Return a source of numbers from 0 to 1 that is the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed + 0x6d2b79f5;
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Open {
  nodeId: string;
  path: string;
  waits: boolean;
  attempts: number;
  counted: number;
}

/** Return the events of a run with loops, retries, questions, breakpoints, crashes and tokens. */
export function eventsOf(seed: number, size: number): RunEvent[] {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const events: RunEvent[] = [];
  const open: Open[] = [];
  let clock = Date.parse("2026-01-05T09:30:00Z");
  const add = (kind: EventKind, data: unknown = {}, at?: Pick<Open, "nodeId" | "path">) => {
    clock += Math.floor(random() * 40);
    const number = events.length + 1;
    const moment = new Date(clock).toISOString();
    events.push({
      number,
      kind,
      at: moment,
      data,
      node_id: at?.nodeId ?? null,
      path: at?.path ?? "",
    });
  };
  const end = (each: Open) => {
    open.splice(open.indexOf(each), 1);
    const usage = { total_tokens: each.counted + 5, cost: 0.25, calls: 1 };
    const done = { attempts: each.attempts, duration_ms: 12, model: "m", usage };
    if (random() < 0.2) {
      const failure = { code: "http-status", message: "It failed.", at: { pointer: "/nodes/0" } };
      add("node.failed", { ...done, ...failure, handled: random() < 0.5 }, each);
    } else {
      add("node.completed", { ...done, output: { n: events.length }, branch: null }, each);
    }
  };
  add("run.created", { priority: 10 });
  add("run.started", { segment: 0, attempt: 1 });
  while (events.length < size) {
    const act = random();
    const one = open.length > 0 ? pick(open) : undefined;
    if (!one || act < 0.3) {
      const nodeId = pick(["fetch", "each", "ask", "say"]);
      const path = pick(["", "", "each#0/0/", "each#0/1/", "each#0/1/in#0/2/"]);
      if (open.some((each) => each.nodeId === nodeId && each.path === path)) continue;
      const started = { nodeId, path, waits: false, attempts: 1, counted: 0 };
      open.push(started);
      add("node.started", { type: "llm" }, started);
    } else if (act < 0.36) {
      add("node.skipped", {}, { nodeId: `never-${events.length}`, path: "" });
    } else if (act < 0.42) {
      add("node.retrying", { attempt: one.attempts, delay: 0.02, message: "No." }, one);
      one.attempts += 1;
    } else if (act < 0.52) {
      one.waits = true;
      one.counted = 0;
      const interrupt = { id: `i${events.length}`, kind: "human", data: {}, seconds: null };
      add("node.waiting", { interrupt: random() < 0.5 ? interrupt : null }, one);
    } else if (act < 0.58) {
      one.counted += 3;
      add("node.used", { usage: { total_tokens: 3 }, model: "m" }, one);
    } else if (act < 0.7) {
      add("node.said", { kind: "token", data: { text: pick(["Hel", "lo ", "x"]) } }, one);
    } else if (act < 0.73) {
      for (const each of open) each.counted = 0;
      add("run.resumed", { reason: "lost" });
      add("run.started", { segment: 0, attempt: 2 });
    } else if (act < 0.76) {
      const stop = { id: "b", node_id: "say", path: "each#0/0/", kind: "breakpoint" };
      add("run.paused", { interrupts: [stop] });
      add("run.breakpoints", { breakpoints: { nodes: ["each.say"], stepping: false } });
    } else if (act < 0.8 && one.waits) {
      one.waits = false;
      add("interrupt.answered", { node_id: one.nodeId, path: one.path, status: "answered" });
    } else end(one);
  }
  const finish = random();
  if (finish < 0.4) add("run.completed", { output: { ok: true }, unreached: ["never"] });
  else if (finish < 0.7) add("run.failed", { error: { code: "timeout", message: "Too long." } });
  return events;
}
