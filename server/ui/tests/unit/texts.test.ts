/** Differences of texts, and tables in Markdown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tableIn } from "../../src/parts/markdown-table.ts";
import { unified } from "../../src/text/line-diff.ts";

const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at + 1}`);

/** Return a random text of few kinds of lines, so that many of them are equal. */
function someLines(random: () => number): string {
  return Array.from({ length: Math.floor(random() * 30) }, () =>
    String(Math.floor(random() * 4)),
  ).join("\n");
}

test("equal texts have no difference, and each change has three lines around it", () => {
  assert.deepEqual(unified("a\nb", "a\nb"), []);
  const before = lines(20);
  const after = before.with(9, "changed");
  const rows = unified(before.join("\n"), after.join("\n"));
  assert.deepEqual(
    rows.map((row) => (row.kind === "gap" ? row.count : `${row.kind} ${row.text}`)),
    [
      6,
      "same line 7",
      "same line 8",
      "same line 9",
      "removed line 10",
      "added changed",
      "same line 11",
      "same line 12",
      "same line 13",
      7,
    ],
  );
});

test("both texts can be read from their difference", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let round = 0; round < 300; round += 1) {
    const [before, after] = [someLines(random), someLines(random)];
    const [left, right] = [before.split("\n"), after.split("\n")];
    const rows = unified(before, after);
    if (before === after) assert.deepEqual(rows, []);
    for (const row of rows) {
      if (row.kind === "gap") {
        const ends = [row.left - 1 + row.count, row.right - 1 + row.count] as const;
        assert.deepEqual(left.slice(row.left - 1, ends[0]), right.slice(row.right - 1, ends[1]));
      } else {
        if (row.kind !== "added") assert.equal(left[row.left - 1], row.text);
        if (row.kind !== "removed") assert.equal(right[row.right - 1], row.text);
      }
    }
    const count = (kind: string) =>
      rows.reduce((sum, row) => {
        if (row.kind === "gap") return sum + row.count;
        return sum + (row.kind === "same" || row.kind === kind ? 1 : 0);
      }, 0);
    if (rows.length > 0) {
      assert.deepEqual([count("removed"), count("added")], [left.length, right.length]);
    }
  }
});

test("a table is found in a paragraph, with what is before it", () => {
  const found = tableIn(
    "Prices:\n| name | price |\n|:-----|------:|\n| tea \\| mate | **2** |\n| only |",
  );
  assert.deepEqual(found, {
    before: "Prices:",
    head: ["name", "price"],
    aligns: ["left", "right"],
    rows: [
      ["tea | mate", "**2**"],
      ["only", ""],
    ],
  });
  assert.deepEqual(tableIn("a | b\n--- | :-:\n1 | 2 | 3")?.rows, [["1", "2"]]);
});

test("what is no table stays a paragraph", () => {
  for (const text of ["", "a | b", "a | b\nc | d", "|---|---|", "a\n| - | - |", "x | y\n|---|"]) {
    assert.equal(tableIn(text), null, text);
  }
});
