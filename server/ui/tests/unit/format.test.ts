import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDuration } from "../../src/words/format.ts";

test("durations have two units at most", () => {
  const found = [0, 340, 4_200, 59_960, 185_000, 7_800_000].map(formatDuration);
  assert.deepEqual(found, ["0 ms", "340 ms", "4.2 s", "60 s", "3 min 5 s", "2 h 10 min"]);
});

test("sizes are in the largest unit that leaves at least 1", () => {
  assert.deepEqual([999, 1_500, 2_340_000].map(formatBytes), ["999 B", "1.5 kB", "2.3 MB"]);
});
