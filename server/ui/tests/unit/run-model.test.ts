/** What is drawn of a run follows from its events alone, however they come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunEvent } from "../../src/api/types.ts";
import { cutEvent, cutOf } from "../../src/runs/cut.ts";
import { isAtWork, nameOf, turnOf } from "../../src/runs/executions.ts";
import { NO_EVENTS, type RunView, withEvents } from "../../src/runs/run-model.ts";
import { totalOf } from "../../src/runs/usage.ts";
import { eventsOf, randomOf } from "./run-events.ts";

const SEEDS = Array.from({ length: 60 }, (_, index) => index);

test("a run is the same whether its events come at once, one by one, or in batches", () => {
  for (const seed of SEEDS) {
    const events = eventsOf(seed, 150);
    const whole = withEvents(NO_EVENTS, events);
    const single = events.reduce((view: RunView, each) => withEvents(view, [each]), NO_EVENTS);
    assert.deepEqual(single, whole, `seed ${seed}`);
    assert.deepEqual(inBatches(events, randomOf(seed)), whole, `seed ${seed}`);
  }
});

test("events that come again after a reconnection change nothing", () => {
  for (const seed of SEEDS) {
    const events = eventsOf(seed, 120);
    const whole = withEvents(NO_EVENTS, events);
    const random = randomOf(seed + 1);
    const cut = Math.floor(random() * events.length);
    const snapshot = withEvents(NO_EVENTS, events.slice(0, cut));
    const again = events.slice(Math.max(0, cut - Math.floor(random() * 20)));
    assert.deepEqual(withEvents(withEvents(snapshot, again), again), whole, `seed ${seed}`);
    assert.equal(withEvents(whole, events), whole);
  }
});

test("a view that was drawn is not changed by later events", () => {
  const events = eventsOf(7, 200);
  const half = withEvents(NO_EVENTS, events.slice(0, 100));
  const kept = structuredClone(half);
  withEvents(half, events.slice(100));
  assert.deepEqual(half, kept);
});

test("spans of an execution follow each other, and end with it", () => {
  for (const seed of SEEDS) {
    for (const each of withEvents(NO_EVENTS, eventsOf(seed, 150)).executions) {
      for (const [index, span] of each.spans.entries()) {
        const next = each.spans[index + 1];
        if (next) assert.equal(span.to, next.from);
        if (each.finishedAt) assert.ok((span.to ?? Infinity) <= Date.parse(each.finishedAt));
      }
      if (isAtWork(each)) assert.equal(each.finishedAt, null);
    }
  }
});

test("after the end of a run, nothing of it is at work", () => {
  const views = SEEDS.map((seed) => withEvents(NO_EVENTS, eventsOf(seed, 120)));
  const ended = views.filter((view) => view.finishedAt !== null);
  assert.ok(ended.length > 10);
  for (const view of ended) assert.ok(!view.executions.some(isAtWork));
});

test("usage counts once, though the end of a node repeats it", () => {
  const view = withEvents(NO_EVENTS, [
    event(1, "run.started", { segment: 0, attempt: 1 }),
    event(2, "node.started", { type: "agent" }, "a"),
    event(3, "node.used", { model: "big", usage: { total_tokens: 7, cost: 0.5 } }, "a"),
    event(
      4,
      "node.completed",
      {
        output: 1,
        attempts: 1,
        duration_ms: 3,
        usage: { total_tokens: 12, cost: 0.75 },
        models: {
          big: { total_tokens: 7, cost: 0.5 },
          small: { total_tokens: 5, cost: 0.25 },
        },
      },
      "a",
    ),
  ]);
  assert.deepEqual(totalOf(view.usage), { total_tokens: 12, cost: 0.75 });
  assert.deepEqual(totalOf(view.executions[0]?.usage ?? {}), { total_tokens: 12, cost: 0.75 });
  assert.equal(view.usage["small"]?.["total_tokens"], 5);
});

test("a loop that waited works again when a node in it does", () => {
  const view = withEvents(NO_EVENTS, [
    event(1, "node.started", { type: "loop" }, "count"),
    event(2, "node.waiting", { interrupt: null }, "count"),
    event(3, "run.paused", { interrupts: [stop("say", "count#0/0/")] }),
  ]);
  assert.equal(view.executions[0]?.state, "waiting");
  assert.deepEqual(view.stoppedBefore, ["count.say"]);
  const next = withEvents(view, [
    event(4, "run.started", { segment: 1, attempt: 1 }),
    event(5, "node.started", { type: "llm" }, "say", "count#0/0/"),
  ]);
  assert.equal(next.executions[0]?.state, "running");
  assert.deepEqual(next.stoppedBefore, []);
});

test("tokens of an attempt become a text, and another attempt begins a new one", () => {
  const token = (number: number, text: string) =>
    event(number, "node.said", { kind: "token", data: { text } }, "a");
  const first = withEvents(NO_EVENTS, [
    event(1, "node.started", { type: "llm" }, "a"),
    token(2, "Hel"),
    token(3, "lo"),
    event(4, "node.said", { kind: "limit", data: { reached: "10 turns" } }, "a"),
  ]);
  assert.equal(first.executions[0]?.said, "Hello");
  const failed = { attempt: 1, delay: 0.1, message: "No." };
  const second = withEvents(first, [event(5, "node.retrying", failed, "a"), token(6, "Hi")]);
  assert.equal(second.executions[0]?.said, "Hi");
  assert.equal(second.executions[0]?.state, "running");
});

test("names and turns are read from paths", () => {
  assert.equal(nameOf("each#0/2/in#1/0/", "ask"), "each.in.ask");
  assert.equal(turnOf("each#0/2/in#1/0/"), "3·1");
  assert.equal(turnOf(""), "");
});

test("big values of an event are cut, and the others stay", () => {
  const big = event(
    1,
    "node.completed",
    { output: { text: "ä".repeat(50_000) }, attempts: 1 },
    "a",
  );
  const cut = cutEvent(big).data as Record<string, unknown>;
  assert.deepEqual(cutOf(cut["output"])?.bytes, 100_011);
  assert.equal(cut["attempts"], 1);
  const small = event(1, "node.completed", { output: { text: "short" } }, "a");
  assert.equal(cutEvent(small), small);
});

function inBatches(events: RunEvent[], random: () => number): RunView {
  let view = NO_EVENTS;
  for (let at = 0; at < events.length; ) {
    const next = at + 1 + Math.floor(random() * 15);
    view = withEvents(view, events.slice(at, next));
    at = next;
  }
  return view;
}

function event(
  number: number,
  kind: RunEvent["kind"],
  data: unknown,
  node?: string,
  path = "",
): RunEvent {
  const at = new Date(1_767_000_000_000 + number * 10).toISOString();
  return { number, kind, at, data, node_id: node ?? null, path };
}

const stop = (node_id: string, path: string) => ({ id: "i", node_id, path, kind: "breakpoint" });
