/** Axes, files, periods and differences, without a page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecutionBody } from "../../src/api/types.ts";
import { csvOf } from "../../src/charts/csv.ts";
import { labelled, ticksTo } from "../../src/charts/scale.ts";
import { before, endOf, periodOf } from "../../src/pages/analytics/period.ts";
import { canonical, pairsOf } from "../../src/runs/difference.ts";

test("ticks are round, and reach the largest value", () => {
  assert.deepEqual(ticksTo(0), [0, 1]);
  assert.deepEqual(ticksTo(7), [0, 2, 4, 6, 8]);
  assert.deepEqual(ticksTo(0.3), [0, 0.1, 0.2, 0.3]);
  for (const most of [1e-6, 0.07, 3, 99, 12_345, 1e9]) {
    const ticks = ticksTo(most);
    assert.ok((ticks.at(-1) ?? 0) >= most && ticks.length <= 6, `${most}`);
  }
});

test("labels are left out where they would overlap", () => {
  const hasLabel = labelled(24, 6);
  assert.deepEqual([0, 1, 4, 8].map(hasLabel), [true, false, true, true]);
});

test("a file for spreadsheets quotes, and has no formulas", () => {
  assert.equal(
    csvOf(
      ["when", "runs"],
      [
        ["a,b", 3],
        ["=1+1", -2],
        ['say "hi"', 0],
      ],
    ),
    'when,runs\r\n"a,b",3\r\n\'=1+1,-2\r\n"say ""hi""",0\r\n',
  );
});

test("periods are whole days in UTC, but the last 24 hours", () => {
  const now = Date.parse("2026-11-28T16:20:00Z");
  const of = (text: string) => periodOf(new URLSearchParams(text), now);
  assert.deepEqual([of("").from, of("").to, of("").interval], ["2026-11-22", "2026-11-28", "day"]);
  assert.equal(of("period=30d").from, "2026-10-30");
  assert.deepEqual(
    [of("period=24h").from, of("period=24h").interval, of("period=24h").since],
    ["2026-11-27", "hour", now - 86_400_000],
  );
  const custom = of("period=custom&from=2026-11-05&to=2026-11-01");
  assert.deepEqual([custom.from, custom.to], ["2026-11-01", "2026-11-05"]);
  assert.equal(of("period=custom&from=never").from, "2026-11-22");
  assert.deepEqual(before(of("")), { from: "2026-11-15", to: "2026-11-21" });
  assert.equal(endOf("2026-11-28T00:00:00Z", "day"), "2026-11-29T00:00:00.000Z");
});

test("executions of two runs are paired by name, turn and repetition", () => {
  const one = [done("a", "", { x: 1, y: 2 }), done("say", "each#0/0/", 1), done("b", "", 1)];
  const other = [done("a", "", { y: 2, x: 1 }), done("say", "each#0/0/", 2), done("a", "", 3)];
  const found = pairsOf(one, other).map((each) => [each.key, each.differs]);
  assert.deepEqual(found, [
    ["a", false],
    ["each.say #1", true],
    ["b", true],
    ["a (2)", true],
  ]);
});

test("equal values have equal texts, whatever the order of their keys", () => {
  assert.equal(canonical({ b: [{ d: 1, c: 2 }], a: 1 }), canonical({ a: 1, b: [{ c: 2, d: 1 }] }));
  assert.notEqual(canonical([1, 2]), canonical([2, 1]));
});

function done(node_id: string, path: string, output: unknown): ExecutionBody {
  return {
    node_id,
    path,
    number: 1,
    status: "completed",
    started_at: null,
    finished_at: null,
    attempts: [],
    input: {},
    output,
    branch: null,
    error: null,
    duration_ms: 1,
    usage: {},
  };
}
