import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { stringify } from "yaml";
import { pathOf, valueAt, withValue } from "../../src/text/changes.ts";
import { dataOf, formatted, Unreadable, withEdit, withItem } from "../../src/text/edits.ts";

const TEXT = `# What support does.
name: Support   # shown in lists
nodes:
  # Asks a model.
  - id: classify
    type: llm
    config:
      model: gpt-4 # dear
      prompt: |
        Classify this:
        {{input.message}}
  - {id: route, type: conditional, config: {condition: "a == 'b'"}}
edges:
  - {source: classify, target: route}
`;

const without = (text: string, ...lines: string[]) =>
  lines.reduce((rest, line) => rest.replace(line, ""), text);

test("a value changes, and nothing else", () => {
  const found = withEdit(TEXT, ["nodes", 0, "config", "model"], "gpt-5");
  assert.equal(found, TEXT.replace("gpt-4 # dear", "gpt-5 # dear"));
  const name = withEdit(TEXT, ["name"], "Help: desk");
  assert.equal(name, TEXT.replace("name: Support ", 'name: "Help: desk" '));
});

test("a text of several lines is a block, and stays one", () => {
  const found = withEdit(TEXT, ["nodes", 0, "config", "prompt"], "One\nTwo\n");
  assert.equal(
    found,
    TEXT.replace("Classify this:\n        {{input.message}}", "One\n        Two"),
  );
  const short = withEdit(TEXT, ["nodes", 0, "config", "model"], "a\nb\n");
  assert.match(short, /model: \|\n {8}a\n {8}b\n/);
});

test("a new key comes last in its block, at its indentation", () => {
  const found = withEdit(TEXT, ["nodes", 0, "config", "temperature"], 0.5);
  assert.match(found, /\{\{input.message\}\}\n {6}temperature: 0.5\n {2}- \{id: route/);
  const flow = withEdit(TEXT, ["nodes", 1, "config", "true_edge"], "x");
  assert.match(flow, /config: \{condition: "a == 'b'", true_edge: x\}\}/);
});

test("a new item is written as those beside it", () => {
  const edge = withItem(TEXT, ["edges"], { source: "route", target: "x", branch: "true" });
  assert.equal(edge, `${TEXT}  - {source: route, target: x, branch: "true"}\n`);
  const node = withItem("nodes:\n- id: a\n  type: x\n", ["nodes"], { id: "b", config: { t: "y" } });
  assert.equal(node, "nodes:\n- id: a\n  type: x\n- id: b\n  config:\n    t: y\n");
  const first = withItem("nodes:\n  - id: a\nedges: []\n", ["edges"], { source: "a", target: "a" });
  assert.equal(first, "nodes:\n  - id: a\nedges:\n  - source: a\n    target: a\n");
  assert.equal(withItem("name: x\n", ["edges"], 1), "name: x\nedges:\n  - 1\n");
});

test("what is taken out takes its lines along, and no others", () => {
  const node = withEdit(TEXT, ["nodes", 1], undefined);
  assert.equal(
    node,
    without(TEXT, `  - {id: route, type: conditional, config: {condition: "a == 'b'"}}\n`),
  );
  assert.equal(withEdit(TEXT, ["edges", 0], undefined).endsWith("edges: []\n"), true);
  assert.equal(withEdit("- a: 1\n  b: 2\n", [0, "a"], undefined), "- b: 2\n");
  assert.equal(withEdit("{a: 1, b: 2, c: 3}", ["b"], undefined), "{a: 1, c: 3}");
  assert.equal(withEdit("{a: 1, b: 2}", ["a"], undefined), "{b: 2}");
  assert.equal(withEdit("[1]", [0], undefined), "[]");
});

test("JSON stays JSON", () => {
  const text = JSON.stringify({ nodes: [{ id: "a" }], edges: [] }, null, 2);
  const found = withItem(text, ["nodes"], { id: "b", type: "x" });
  assert.deepEqual(JSON.parse(found), { nodes: [{ id: "a" }, { id: "b", type: "x" }], edges: [] });
  assert.ok(found.startsWith(text.slice(0, text.indexOf("    }") + 5)));
  assert.deepEqual(JSON.parse(withEdit(text, ["name"], 'a "b"')).name, 'a "b"');
  assert.deepEqual(JSON.parse(withEdit(text, ["nodes", 0], undefined)).nodes, []);
});

test("a formatted text has the same data and the same comments", () => {
  const uneven = "# Kept.\nnodes:   [ {id:   a,type: x} ] # why\nname:    y\n";
  const found = formatted(uneven);
  assert.deepEqual(dataOf(found), dataOf(uneven));
  assert.match(found, /^# Kept\.\n.* # why\nname: y\n$/s);
  assert.equal(formatted(found), found);
  assert.equal(formatted('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}\n');
});

test("a text that cannot be read is refused", () => {
  assert.throws(() => withEdit("a: [", ["a"], 1), Unreadable);
});

/** Numbers that look random, and are the same in each run. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

const VALUES = [
  "plain",
  "a: b",
  "# no comment",
  "",
  "yes",
  "null",
  "1",
  "{{a.output.text}}",
  " spaces ",
  "two\nlines",
  "two\nlines\n",
  "trailing \nspace\n\n",
  "'quotes' \"both\"",
  7,
  -0.5,
  true,
  null,
  [],
  {},
  [1, "two"],
  { a: { b: [{ c: "d" }] } },
];

function paths(data: unknown, path: (string | number)[] = []): (string | number)[][] {
  const inner =
    typeof data !== "object" || data === null
      ? []
      : Object.entries(data).map(
          ([key, value]) => [Array.isArray(data) ? Number(key) : key, value] as const,
        );
  return [path, ...inner.flatMap(([key, value]) => paths(value, [...path, key]))];
}

function generated(chance: () => number, depth = 0): unknown {
  const kind = chance();
  if (depth > 3 || kind < 0.4) return VALUES[Math.floor(chance() * 17)];
  const size = Math.floor(chance() * 4);
  const items = Array.from({ length: size }, () => generated(chance, depth + 1));
  if (kind < 0.65) return items;
  return Object.fromEntries(items.map((item, index) => [`k${index}`, item]));
}

test("any edit of any text leaves exactly the data that was meant", () => {
  const chance = chances(20);
  const folder = new URL("../../../../notebooks/workflows/", import.meta.url);
  const files = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
  const made = Array.from({ length: 150 }, () => {
    const data = { nodes: generated(chance), name: generated(chance), edges: [generated(chance)] };
    const style = chance();
    if (style < 0.3) return JSON.stringify(data, null, style < 0.15 ? 2 : 0);
    return stringify(data, {
      collectionStyle: style < 0.5 ? "flow" : "any",
      indentSeq: style < 0.8,
    });
  });
  for (const text of [TEXT, ...files, ...made]) {
    for (let round = 0; round < 12; round += 1) {
      const data = dataOf(text);
      const all = paths(data).filter((path) => path.length > 0);
      const path = all[Math.floor(chance() * all.length)] ?? [];
      const kind = chance();
      const parent = valueAt(data, path);
      const isMap = typeof parent === "object" && parent !== null && !Array.isArray(parent);
      const target = kind < 0.3 && isMap ? [...path, "added"] : path;
      const value = kind > 0.75 ? undefined : VALUES[Math.floor(chance() * VALUES.length)];
      const found = withEdit(text, target, value);
      assert.deepEqual(
        dataOf(found),
        withValue(data, target, value),
        `${text}\n${target.join("/")}`,
      );
    }
  }
});

test("pointers name keys with slashes", () => {
  assert.deepEqual(pathOf("/nodes/0/config/a~1b~0"), ["nodes", "0", "config", "a/b~"]);
});
