import assert from "node:assert/strict";
import { test } from "node:test";
import { type Item, type Link, layout } from "../../src/canvas/layout.ts";

const item = (id: string): Item => ({ id, width: 200, height: 60 });
const link = (source: string, target: string, isBack = false): Link => ({ source, target, isBack });

function graph(count: number, seed: number): { items: Item[]; links: Link[] } {
  let state = seed;
  const chance = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
  const items = Array.from({ length: count }, (_, index) => item(`n${index}`));
  const links = items.slice(1).map((_, index) => {
    const target = index + 1;
    return link(`n${Math.max(0, target - 1 - Math.floor(chance() * 5))}`, `n${target}`);
  });
  return { items, links };
}

test("what comes after another is below it, and nothing overlaps", () => {
  for (const seed of [1, 2, 3, 4]) {
    const { items, links } = graph(120, seed);
    const { places, width, height } = layout(items, links);
    for (const { source, target } of links) {
      assert.ok((places.get(source)?.y ?? 0) + 60 < (places.get(target)?.y ?? 0));
    }
    const all = [...places.values()];
    for (const [index, a] of all.entries()) {
      assert.ok(a.x >= 0 && a.x + 200 <= width + 1 && a.y + 60 <= height + 1);
      for (const b of all.slice(index + 1)) {
        assert.ok(Math.abs(a.x - b.x) >= 200 || Math.abs(a.y - b.y) >= 60);
      }
    }
  }
});

test("a chain is straight, and a loop's way back does not bend it", () => {
  const items = ["a", "b", "c"].map(item);
  const { places } = layout(items, [link("a", "b"), link("b", "c"), link("c", "a", true)]);
  assert.deepEqual(
    [...places.values()].map((each) => each.x),
    [0, 0, 0],
  );
});

test("a node added at the end moves few others", () => {
  const { items, links } = graph(100, 7);
  const before = layout(items, links).places;
  const after = layout([...items, item("new")], [...links, link("n99", "new")]).places;
  const moved = items.filter((each) => before.get(each.id)?.y !== after.get(each.id)?.y);
  assert.equal(moved.length, 0);
});

test("a circle that no edge is marked as closing ends, too", () => {
  const { places } = layout([item("a"), item("b")], [link("a", "b"), link("b", "a")]);
  assert.equal(places.size, 2);
});
