/** Where the arrow keys lead on a graph: along edges, and to the nodes beside. */
import type { GraphBody, GraphNodeBody } from "../api/types.ts";
import { graphAround, nodesOf } from "./drawn.ts";

/** Return the path of the node that a key leads to; null if it is no such key, or there is none. */
export function neighbour(graph: GraphBody, path: string | null, key: string): string | null {
  if (!["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End"].includes(key))
    return null;
  const all = [...nodesOf(graph)].map((node) => node.path);
  if (key === "Home" || path === null) return all[0] ?? null;
  if (key === "End") return all.at(-1) ?? null;
  const around = graphAround(graph, path);
  const node = around?.nodes.find((each) => each.path === path);
  if (!around || !node) return all[0] ?? null;
  const found =
    key === "ArrowDown" || key === "ArrowUp" ? along(around, node, key) : beside(around, node, key);
  return found ?? following(all, path, key);
}

function along(graph: GraphBody, node: GraphNodeBody, key: string): string | null {
  const isDown = key === "ArrowDown";
  const edges = graph.edges.filter((edge) => !edge.closes_loop);
  const next = isDown
    ? edges.find((edge) => edge.source === node.id)?.target
    : edges.find((edge) => edge.target === node.id)?.source;
  return pathOfId(graph, next);
}

/** Return the node beside: another one that the same nodes lead to. */
function beside(graph: GraphBody, node: GraphNodeBody, key: string): string | null {
  const before = new Set(
    graph.edges.filter((edge) => edge.target === node.id).map((edge) => edge.source),
  );
  const isSibling = (id: string) =>
    graph.edges.some((edge) => edge.target === id && before.has(edge.source)) ||
    (before.size === 0 && graph.entries.includes(id));
  const siblings = graph.nodes.filter((each) => isSibling(each.id));
  const at = siblings.indexOf(node) + (key === "ArrowRight" ? 1 : -1);
  return siblings[at]?.path ?? null;
}

/** Return the next or last node in the order of the text, where no edge leads on. */
function following(all: string[], path: string, key: string): string | null {
  const isOn = key === "ArrowDown" || key === "ArrowRight";
  return all[all.indexOf(path) + (isOn ? 1 : -1)] ?? null;
}

const pathOfId = (graph: GraphBody, id: string | undefined): string | null =>
  graph.nodes.find((node) => node.id === id)?.path ?? null;
