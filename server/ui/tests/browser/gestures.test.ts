/** Gestures change the text; the server, which reads the text, must see exactly what was meant. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckBody, GraphBody } from "../../src/api/types.ts";
import * as gestures from "../../src/builder/gestures.ts";
import { nodesOf } from "../../src/canvas/drawn.ts";
import { api } from "./browser.ts";

const NODES = `# Of the whole.
name: Example   # stays
nodes:
  # Of the first.
  - id: first
    type: template
    config: {template: "Hello"} # said
  - {id: choose, type: conditional, config: {condition: "{{input.a}} > 1"}}
  - id: each
    type: map
    config:
      items: [1, 2]
      body:
        nodes:
          - {id: inner, type: template, config: {template: "{{item}}"}}
edges:
  - {source: first, target: choose} # why
`;
const STEPS = `# Of the whole.
steps:
  first: # the first
    type: template
    input: {template: Hello}
  choose:
    type: conditional
    input:
      condition: "{{input.a}} > 1"
    depends_on: [first]
`;
const JSON_TEXT = JSON.stringify(
  {
    nodes: [
      { id: "first", type: "template", config: { template: "Hello" } },
      { id: "choose", type: "conditional", config: { condition: "{{input.a}} > 1" } },
    ],
    edges: [{ source: "first", target: "choose" }],
  },
  null,
  2,
);

async function read(text: string): Promise<GraphBody> {
  const check = await api<CheckBody>("POST", "/workflows/check", { source: text });
  assert.ok(check.graph, text);
  return check.graph;
}

const edgesOf = (graph: GraphBody): string[] =>
  graph.edges
    .flatMap((edge) =>
      (edge.branches ?? [""]).map((branch) => `${edge.source} ${branch}> ${edge.target}`),
    )
    .sort();

const idsOf = (graph: GraphBody): string[] => [...nodesOf(graph)].map((node) => node.path);

/** Return the lines of a text that another one does not have. */
function lost(before: string, after: string): string[] {
  const left = after.split("\n").map((line) => line.replace(/,$/, ""));
  return before.split("\n").filter((line) => !left.includes(line.replace(/,$/, "")));
}

function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

for (const [form, text] of [
  ["nodes", NODES],
  ["steps", STEPS],
  ["JSON", JSON_TEXT],
] as const) {
  test(`${form}: a node is added with an edge, and taken out again`, async () => {
    const graph = await read(text);
    const added = gestures.withNode(text, graph, "llm", { prompt: "Hi" }, "first");
    assert.deepEqual(added.selection, ["llm"]);
    const after = await read(added.text);
    assert.deepEqual(edgesOf(after), [...edgesOf(graph), "first > llm"].sort());
    assert.deepEqual(lost(text, added.text), []);
    const again = gestures.withoutNodes(added.text, after, ["llm"]);
    assert.equal(again.text, text);
  });

  test(`${form}: the target of a branch is written, and taken out`, async () => {
    let done = gestures.withNode(text, await read(text), "template", { template: "x" }, null).text;
    const wire = { source: "choose", target: "template", branch: "true" };
    done = gestures.connected(done, await read(done), wire);
    assert.ok(edgesOf(await read(done)).includes("choose true> template"), done);
    done = gestures.disconnected(done, await read(done), wire);
    assert.ok(!edgesOf(await read(done)).includes("choose true> template"), done);
  });

  test(`${form}: a node goes between the two ends of an edge`, async () => {
    const wire = { source: "first", target: "choose", branch: null };
    const done = gestures.withNodeOn(text, await read(text), "llm", { prompt: "x" }, wire).text;
    assert.deepEqual(edgesOf(await read(done)), ["first > llm", "llm > choose"]);
  });

  test(`${form}: any sequence of gestures does what it means, and touches no other line`, async () => {
    const chance = chances(form.length);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(chance() * items.length)] as T;
    let now: string = text;
    for (let round = 0; round < 25; round += 1) {
      const graph = await read(now);
      const outer = graph.nodes.map((node) => node.id);
      const kind = outer.length < 3 ? 0 : chance();
      if (kind < 0.4) {
        const after = chance() < 0.3 || outer.length === 0 ? null : pick(outer);
        const done = gestures.withNode(now, graph, "template", { template: "t" }, after);
        const found = await read(done.text);
        assert.deepEqual(idsOf(found).sort(), [...idsOf(graph), ...(done.selection ?? [])].sort());
        now = done.text;
      } else if (kind < 0.7) {
        const node = pick(graph.nodes);
        const branch = node.branches.length > 0 ? pick(node.branches).name : null;
        const target = pick(outer.filter((id) => id !== node.id));
        const done = gestures.connected(now, graph, { source: node.id, target, branch });
        const found = edgesOf(await read(done));
        assert.ok(
          found.some((edge) => edge.startsWith(`${node.id} `) && edge.endsWith(`> ${target}`)),
          `${node.id} ${branch} ${target}\n${done}`,
        );
        now = done;
      } else {
        const doomed = pick(outer);
        const done = gestures.withoutNodes(now, graph, [doomed]).text;
        const found = await read(done);
        assert.ok(!idsOf(found).includes(doomed));
        assert.deepEqual(
          edgesOf(found),
          edgesOf(graph).filter(
            (edge) => !edge.startsWith(`${doomed} `) && !edge.endsWith(`> ${doomed}`),
          ),
          `${doomed}\n${now}\n${done}`,
        );
        now = done;
      }
    }
  });
}

test("nodes are copied as YAML, and pasted with ids of their own", async () => {
  const graph = await read(NODES);
  const source = gestures.copied(NODES, graph, ["first", "choose"]);
  const done = gestures.pasted(STEPS, await read(STEPS), source, null);
  assert.deepEqual(done?.selection, ["first_2", "choose_2"]);
  assert.deepEqual(idsOf(await read(done?.text ?? "")), ["first", "choose", "first_2", "choose_2"]);
  assert.equal(gestures.pasted(NODES, graph, "no nodes here", null), null);
});

test("a node is added inside of a body", async () => {
  const done = gestures.withNode(NODES, await read(NODES), "llm", { prompt: "x" }, "each.inner");
  assert.deepEqual(done.selection, ["each.llm"]);
  const body = (await read(done.text)).nodes.find((node) => node.id === "each")?.body;
  assert.deepEqual(body && edgesOf(body), ["inner > llm"]);
});
