/** Makes boxes and arrows of a graph, each at its place. */
import { type Edge, MarkerType, type Node, Position } from "@xyflow/react";
import type { GraphBody, GraphNodeBody } from "../api/types.ts";
import { type Item, type Link, layout } from "./layout.ts";

export const BOX = { width: 224, height: 68 } as const;
const HEAD = 64;
const PADDING = 20;
// Bodies with more nodes are folded at first.
const FOLDED_ABOVE = 12;

/** How a node does, in a run or in a check. */
export interface Mark {
  status?: string;
  errors?: number;
  warnings?: number;
  breakpoint?: boolean;
  /** A run stands here. */
  isStopped?: boolean;
  /** One short line, such as a duration. */
  note?: string;
}

export interface BoxData extends Record<string, unknown> {
  node: GraphNodeBody;
  isFolded: boolean;
  hasFrame: boolean;
}

export type Box = Node<BoxData, "box">;

export interface Drawing {
  boxes: Box[];
  arrows: Edge[];
}

/** Return whether a node's body is shown as one box; `chosen` has what the person folded or not. */
export function isFolded(node: GraphNodeBody, chosen: ReadonlyMap<string, boolean>): boolean {
  return chosen.get(node.path) ?? (node.body?.nodes.length ?? 0) > FOLDED_ABOVE;
}

/** Return the boxes and arrows of a graph with those of the bodies that are not folded. */
export function drawn(graph: GraphBody, folded: ReadonlyMap<string, boolean>): Drawing {
  const drawing: Drawing = { boxes: [], arrows: [] };
  draw(graph, folded, undefined, drawing);
  return drawing;
}

function draw(
  graph: GraphBody,
  folded: ReadonlyMap<string, boolean>,
  parent: GraphNodeBody | undefined,
  drawing: Drawing,
): { width: number; height: number } {
  const inner = new Map<string, Drawing>();
  const sizes = new Map<string, { width: number; height: number }>();
  for (const node of graph.nodes) {
    if (!node.body || node.body.nodes.length === 0 || isFolded(node, folded)) continue;
    const own: Drawing = { boxes: [], arrows: [] };
    const size = draw(node.body, folded, node, own);
    inner.set(node.id, own);
    sizes.set(node.id, {
      width: Math.max(BOX.width, size.width + 2 * PADDING),
      height: size.height + HEAD + PADDING,
    });
  }
  const items: Item[] = graph.nodes.map((node) => ({
    id: node.id,
    ...(sizes.get(node.id) ?? BOX),
  }));
  const links: Link[] = graph.edges.map((edge) => ({ ...edge, isBack: edge.closes_loop }));
  const { places, width, height } = layout(items, links);
  for (const item of items) {
    const node = graph.nodes.find((each) => each.id === item.id);
    const place = places.get(item.id);
    if (!node || !place) continue;
    drawing.boxes.push(boxOf(node, item, place, parent, inner.has(node.id)));
    const own = inner.get(node.id);
    // A frame comes before what is in it.
    if (own) {
      drawing.boxes.push(...own.boxes);
      drawing.arrows.push(...own.arrows);
    }
  }
  drawing.arrows.push(...graph.edges.flatMap((edge) => arrowsOf(edge, graph, parent)));
  return { width, height };
}

function boxOf(
  node: GraphNodeBody,
  size: Item,
  place: { x: number; y: number },
  parent: GraphNodeBody | undefined,
  hasFrame: boolean,
): Box {
  const inset = parent ? { x: PADDING, y: HEAD } : { x: 0, y: 0 };
  return {
    id: node.path,
    type: "box",
    position: { x: place.x + inset.x, y: place.y + inset.y },
    width: size.width,
    height: size.height,
    data: { node, isFolded: !hasFrame && (node.body?.nodes.length ?? 0) > 0, hasFrame },
    ...(parent && { parentId: parent.path, extent: "parent" as const }),
    draggable: false,
    zIndex: parent ? 1 : 0,
    handles: handlesOf(node, size),
  };
}

/** Return where arrows end and begin: they are known before the box is drawn. */
function handlesOf(node: GraphNodeBody, size: Item): NonNullable<Box["handles"]> {
  const dot = { width: 1, height: 1 };
  const top = { type: "target" as const, position: Position.Top, x: size.width / 2, y: 0, ...dot };
  return [
    { ...top, id: "in" },
    ...portsOf(node).map((port) => ({
      type: "source" as const,
      position: Position.Bottom,
      id: port.id,
      x: size.width * port.at,
      y: size.height,
      ...dot,
    })),
  ];
}

export interface Port {
  id: string;
  branch: string | null;
  /** Which part of the width is left of it. */
  at: number;
}

/** Return the ports of a node: one for each branch, or one for all. */
export function portsOf(node: GraphNodeBody): Port[] {
  if (node.branches.length === 0) return [{ id: "out", branch: null, at: 0.5 }];
  const count = node.branches.length;
  return node.branches.map((branch, index) => ({
    id: `branch:${branch.name}`,
    branch: branch.name,
    at: (index + 0.5) / count,
  }));
}

function arrowsOf(
  edge: GraphBody["edges"][number],
  graph: GraphBody,
  parent: GraphNodeBody | undefined,
): Edge[] {
  const prefix = parent ? `${parent.path}.` : "";
  const source = graph.nodes.find((node) => node.id === edge.source);
  if (!source || !graph.nodes.some((node) => node.id === edge.target)) return [];
  const hasBranches = source.branches.length > 0;
  const branches = hasBranches
    ? (edge.branches ?? source.branches.map((each) => each.name))
    : [null];
  return branches.map((branch) => ({
    id: `${prefix}${edge.source}>${edge.target}>${branch ?? ""}`,
    source: prefix + edge.source,
    target: prefix + edge.target,
    sourceHandle: branch === null ? "out" : `branch:${branch}`,
    targetHandle: "in",
    className: edge.closes_loop ? "back" : "",
    zIndex: parent ? 2 : 1,
    ariaLabel: `${edge.source} → ${edge.target}`,
    markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
    data: { edge, branch },
  }));
}

/** Yield all nodes of a graph, those of bodies behind the node that has the body. */
export function* nodesOf(graph: GraphBody): Generator<GraphNodeBody> {
  for (const node of graph.nodes) {
    yield node;
    if (node.body) yield* nodesOf(node.body);
  }
}

/** Return the graph that a node is in: that of the workflow, or of a body. */
export function graphAround(graph: GraphBody, path: string): GraphBody | null {
  for (const node of graph.nodes) {
    if (node.path === path) return graph;
    const found = node.body && graphAround(node.body, path);
    if (found) return found;
  }
  return null;
}
