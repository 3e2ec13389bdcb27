/**
 * Places the nodes of a graph in layers from the top to the bottom.
 *
 * A node is one layer below the lowest of those before it; edges that close a loop do not count.
 * In a layer, nodes stand in the order of the text, moved towards those that they are joined with:
 * a small change of the text moves few nodes. Bodies are placed first, each by itself, in a frame.
 */

export interface Size {
  width: number;
  height: number;
}

export interface Item extends Size {
  id: string;
}

export interface Link {
  source: string;
  target: string;
  /** It closes a loop. */
  isBack: boolean;
}

export interface Placed extends Size {
  /** Where the top left corner of each item is. */
  places: Map<string, { x: number; y: number }>;
}

const GAP_X = 36;
const GAP_Y = 64;
const SWEEPS = 4;

/** Return the place of each item's top left corner, and the size of all of it. */
export function layout(items: readonly Item[], links: readonly Link[]): Placed {
  const forward = links.filter((link) => !link.isBack && link.source !== link.target);
  const layers = inLayers(items, forward);
  const neighbours = neighboursOf(items, forward);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) order(layers, neighbours, sweep % 2 === 0);
  return place(layers, neighbours);
}

function inLayers(items: readonly Item[], links: readonly Link[]): Item[][] {
  const depth = new Map(items.map((item) => [item.id, 0]));
  const waiting = new Map(items.map((item) => [item.id, 0]));
  const next = new Map<string, string[]>();
  for (const { source, target } of links) {
    if (!depth.has(source) || !depth.has(target)) continue;
    waiting.set(target, (waiting.get(target) ?? 0) + 1);
    next.set(source, [...(next.get(source) ?? []), target]);
  }
  const ready = items.filter((item) => waiting.get(item.id) === 0).map((item) => item.id);
  for (let index = 0; index < ready.length; index += 1) {
    const id = ready[index] ?? "";
    for (const target of next.get(id) ?? []) {
      depth.set(target, Math.max(depth.get(target) ?? 0, (depth.get(id) ?? 0) + 1));
      const left = (waiting.get(target) ?? 0) - 1;
      waiting.set(target, left);
      if (left === 0) ready.push(target);
    }
  }
  const layers: Item[][] = [];
  for (const item of items) {
    const layer = depth.get(item.id) ?? 0;
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(item);
  }
  return layers;
}

interface Neighbours {
  above: Map<string, string[]>;
  below: Map<string, string[]>;
}

function neighboursOf(items: readonly Item[], links: readonly Link[]): Neighbours {
  const known = new Set(items.map((item) => item.id));
  const above = new Map<string, string[]>();
  const below = new Map<string, string[]>();
  for (const { source, target } of links) {
    if (!known.has(source) || !known.has(target)) continue;
    above.set(target, [...(above.get(target) ?? []), source]);
    below.set(source, [...(below.get(source) ?? []), target]);
  }
  return { above, below };
}

/** Sort each layer by the middle of its neighbours; those without stay where they are. */
function order(layers: Item[][], { above, below }: Neighbours, isDown: boolean): void {
  const rank = new Map<string, number>();
  const note = (layer: Item[]) =>
    layer.forEach((item, index) => {
      rank.set(item.id, (index + 0.5) / layer.length);
    });
  layers.forEach(note);
  const sequence = isDown ? layers : [...layers].reverse();
  for (const layer of sequence) {
    const wanted = new Map(
      layer.map((item) => {
        const near = (isDown ? above : below).get(item.id) ?? [];
        return [item.id, mean(near.map((id) => rank.get(id) ?? 0)) ?? rank.get(item.id) ?? 0];
      }),
    );
    layer.sort((a, b) => (wanted.get(a.id) ?? 0) - (wanted.get(b.id) ?? 0));
    note(layer);
  }
}

/** Give each node the place in the middle of its neighbours, if the ones beside it leave room. */
function place(layers: Item[][], neighbours: Neighbours): Placed {
  const centres = new Map<string, number>();
  for (const layer of layers) spread(layer, centres, () => undefined);
  for (const isDown of [true, false, true]) {
    const near = isDown ? neighbours.above : neighbours.below;
    for (const layer of isDown ? layers : [...layers].reverse()) {
      spread(layer, centres, (id) =>
        mean((near.get(id) ?? []).map((each) => centres.get(each) ?? 0)),
      );
    }
  }
  const places = new Map<string, { x: number; y: number }>();
  let left = Number.POSITIVE_INFINITY;
  let right = 0;
  let y = 0;
  for (const layer of layers) {
    for (const item of layer) {
      const x = (centres.get(item.id) ?? 0) - item.width / 2;
      places.set(item.id, { x, y });
      left = Math.min(left, x);
      right = Math.max(right, x + item.width);
    }
    y += Math.max(...layer.map((item) => item.height)) + GAP_Y;
  }
  for (const [id, found] of places) places.set(id, { x: found.x - left, y: found.y });
  return { places, width: Math.max(0, right - left), height: Math.max(0, y - GAP_Y) };
}

/** Place a layer: each at the centre that it wants, pushed apart, and moved back to their middle. */
function spread(
  layer: Item[],
  centres: Map<string, number>,
  wanted: (id: string) => number | undefined,
): void {
  let edge = Number.NEGATIVE_INFINITY;
  let moved = 0;
  const found: number[] = [];
  for (const item of layer) {
    const wish = wanted(item.id) ?? centres.get(item.id) ?? (Number.isFinite(edge) ? edge : 0);
    const centre = Math.max(wish, edge + item.width / 2);
    moved += centre - wish;
    found.push(centre);
    edge = centre + item.width / 2 + GAP_X;
  }
  const back = layer.length > 0 ? moved / layer.length : 0;
  layer.forEach((item, index) => {
    centres.set(item.id, (found[index] ?? 0) - back);
  });
}

const mean = (numbers: number[]): number | undefined =>
  numbers.length === 0 ? undefined : numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
