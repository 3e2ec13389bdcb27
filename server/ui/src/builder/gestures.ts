/** What a gesture on the canvas or in a form does: each is a change of the text. */
import { parse, stringify } from "yaml";
import type { GraphBody, GraphNodeBody } from "../api/types.ts";
import { graphAround, nodesOf } from "../canvas/drawn.ts";
import { pathOf, valueAt } from "../text/changes.ts";
import { dataOf, withEdit, withItem } from "../text/edits.ts";

type Data = Record<string, unknown>;

/** The text after a gesture, and the nodes that are selected then. */
export interface Done {
  text: string;
  selection?: string[];
}

/** Where an edge begins, where it ends, and for which branch. */
export interface Wire {
  source: string;
  target: string;
  branch: string | null;
}

/** Return whether the nodes beside a place are in the form of steps: a mapping, with `depends_on`. */
export const isSteps = (data: unknown, around: readonly (string | number)[]): boolean =>
  !Array.isArray(valueAt(data, around)) && around.at(-1) === "steps";

/** Return the path of a node's configuration in the data. */
export function configPath(data: unknown, node: GraphNodeBody): string[] {
  const path = pathOf(node.pointer);
  const written = valueAt(data, path) as Data | undefined;
  const isStep = isSteps(data, path.slice(0, -1));
  return [...path, isStep && !(written && "config" in written) ? "input" : "config"];
}

/** Change one field of a node's configuration; undefined takes it out. */
export function withField(text: string, node: GraphNodeBody, field: string, value: unknown): Done {
  return { text: withEdit(text, [...configPath(dataOf(text), node), field], value) };
}

/** Change an option of a node that is not part of its configuration, such as `retry`. */
export function withOption(text: string, node: GraphNodeBody, field: string, value: unknown): Done {
  return { text: withEdit(text, [...pathOf(node.pointer), field], value) };
}

/** Add a node of a type beside another one, or at the top; `after` gets an edge to it. */
export function withNode(
  text: string,
  graph: GraphBody,
  type: string,
  config: Data,
  after: string | null,
): Done {
  const id = freeId(graph, type);
  const made: Data = { type, ...(Object.keys(config).length > 0 && { config }) };
  const done = withNewNode(text, graph, id, made, after);
  const prefix = after?.includes(".") ? after.slice(0, after.lastIndexOf(".") + 1) : "";
  if (after === null) return { text: done, selection: [id] };
  const wire = { source: after, target: prefix + id, branch: freeBranch(graph, after) };
  return { text: connected(done, graph, wire), selection: [prefix + id] };
}

/** Put a new node between the two ends of an edge. */
export function withNodeOn(
  text: string,
  graph: GraphBody,
  type: string,
  config: Data,
  wire: Wire,
): Done {
  const id = freeId(graph, type);
  const prefix = wire.source.includes(".")
    ? wire.source.slice(0, wire.source.lastIndexOf(".") + 1)
    : "";
  const made: Data = { type, ...(Object.keys(config).length > 0 && { config }) };
  let done = disconnected(text, graph, wire);
  done = withNewNode(done, graph, id, made, wire.source);
  done = connected(done, graph, { ...wire, target: prefix + id });
  done = connected(done, graph, { source: prefix + id, target: wire.target, branch: null });
  return { text: done, selection: [prefix + id] };
}

function withNewNode(
  text: string,
  graph: GraphBody,
  id: string,
  made: Data,
  beside: string | null,
): string {
  const data = dataOf(text);
  const around = listPath(data, graph, beside);
  if (isSteps(data, around)) {
    const { config, ...rest } = made;
    return withEdit(text, [...around, id], {
      ...rest,
      ...(config !== undefined && { input: config }),
    });
  }
  return withItem(text, around, { id, ...made });
}

/** Return the path of the list (or mapping) of nodes that a node is in; of the workflow's without one. */
function listPath(data: unknown, graph: GraphBody, beside: string | null): (string | number)[] {
  const inside = beside === null ? graph : (graphAround(graph, beside) ?? graph);
  const first = inside.nodes[0];
  if (first) return pathOf(first.pointer).slice(0, -1);
  return typeof data === "object" && data !== null && "steps" in data ? ["steps"] : ["nodes"];
}

/** Add an edge; a branch whose target is written in the configuration gets it there. */
export function connected(text: string, graph: GraphBody, wire: Wire): string {
  const source = nodeAt(graph, wire.source);
  const target = wire.target.split(".").at(-1) ?? "";
  const branch = source?.branches.find((each) => each.name === wire.branch);
  if (branch?.pointer) return withEdit(text, pathOf(branch.pointer), target);
  const data = dataOf(text);
  const around = listPath(data, graph, wire.source);
  const from = wire.source.split(".").at(-1) ?? "";
  if (isSteps(data, around)) return withDependency(text, [...around, target], from);
  const edge = { source: from, target, ...(wire.branch !== null && { branch: wire.branch }) };
  const edges = [...around.slice(0, -1), "edges"];
  const known = valueAt(data, edges);
  const isThere =
    Array.isArray(known) && known.some((each) => JSON.stringify(each) === JSON.stringify(edge));
  return isThere ? text : withItem(text, edges, edge);
}

function withDependency(text: string, step: (string | number)[], from: string): string {
  const path = [...step, "depends_on"];
  const known = valueAt(dataOf(text), path);
  if (Array.isArray(known)) return known.includes(from) ? text : withItem(text, path, from);
  return withEdit(text, path, typeof known === "string" ? [known, from] : [from]);
}

/** Take out an edge, wherever it is written. */
export function disconnected(text: string, graph: GraphBody, wire: Wire): string {
  const around = graphAround(graph, wire.source) ?? graph;
  const [source, target] = [wire.source, wire.target].map((path) => path.split(".").at(-1) ?? "");
  const edges = around.edges.filter((edge) => edge.source === source && edge.target === target);
  const node = nodeAt(graph, wire.source);
  const written = node?.branches.find((each) => each.name === wire.branch)?.pointer;
  const places = edges.flatMap((edge) => edge.places.map((place) => place.pointer));
  const own = written && places.includes(written) ? [written] : places;
  return withoutPlaces(text, own);
}

/** Take out nodes with the edges at them; what else refers to them becomes a problem to mend. */
export function withoutNodes(text: string, graph: GraphBody, paths: readonly string[]): Done {
  const doomed = new Set(paths);
  const places: string[] = [];
  for (const path of paths) {
    const around = graphAround(graph, path);
    const node = around?.nodes.find((each) => each.path === path);
    if (!around || !node) continue;
    // What is inside of another doomed node goes with it.
    if ([...doomed].some((each) => path.startsWith(`${each}.`))) continue;
    places.push(node.pointer);
    for (const edge of around.edges) {
      if (edge.source === node.id || edge.target === node.id) {
        places.push(...edge.places.map((place) => place.pointer));
      }
    }
  }
  return { text: withoutPlaces(text, places), selection: [] };
}

/** Take out places, the last ones first, so that the numbers of the others stay. */
function withoutPlaces(text: string, pointers: readonly string[]): string {
  const paths = [...new Set(pointers)].map(pathOf);
  const outer = paths.filter(
    (path) =>
      !paths.some(
        (other) => other.length < path.length && other.every((part, at) => part === path[at]),
      ),
  );
  outer.sort((a, b) => compared(b, a));
  return outer.reduce((rest, path) => withEdit(rest, path, undefined), text);
}

function compared(a: string[], b: string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const [left, right] = [Number(part), Number(other)];
    return Number.isNaN(left) || Number.isNaN(right) ? (part < other ? -1 : 1) : left - right;
  }
  return a.length - b.length;
}

/** Return nodes as YAML text, to be pasted here or anywhere else. */
export function copied(text: string, graph: GraphBody, paths: readonly string[]): string {
  const data = dataOf(text);
  const nodes = [...nodesOf(graph)].filter((node) => paths.includes(node.path));
  const list = nodes.map((node) => {
    const written = valueAt(data, pathOf(node.pointer)) as Data;
    return "id" in written ? written : { id: node.id, ...written };
  });
  return stringify(list, { lineWidth: 0 });
}

/** Add nodes from YAML text; ids that are taken get a number. Null if the text has no nodes. */
export function pasted(
  text: string,
  graph: GraphBody,
  source: string,
  beside: string | null,
): Done | null {
  const items = nodesIn(source);
  if (items === null) return null;
  const prefix = beside?.includes(".") ? beside.slice(0, beside.lastIndexOf(".") + 1) : "";
  const taken = new Set([...nodesOf(graph)].map((node) => node.id));
  const selection: string[] = [];
  let done = text;
  for (const { id, ...rest } of items) {
    const name = free(taken, typeof id === "string" ? id : String(rest["type"]));
    taken.add(name);
    done = withNewNode(done, graph, name, rest, beside);
    selection.push(prefix + name);
  }
  return { text: done, selection };
}

function nodesIn(source: string): Data[] | null {
  try {
    const data: unknown = parse(source);
    const items = Array.isArray(data) ? data : [data];
    const isNode = (item: unknown) => typeof item === "object" && item !== null && "type" in item;
    return items.length > 0 && items.every(isNode) ? (items as Data[]) : null;
  } catch {
    return null;
  }
}

export const nodeAt = (graph: GraphBody, path: string): GraphNodeBody | null =>
  [...nodesOf(graph)].find((node) => node.path === path) ?? null;

/** Return the first branch that leads nowhere yet. */
function freeBranch(graph: GraphBody, path: string): string | null {
  const node = nodeAt(graph, path);
  return (
    node?.branches.find((branch) => branch.target === null)?.name ?? node?.branches[0]?.name ?? null
  );
}

function freeId(graph: GraphBody, type: string): string {
  return free(
    new Set([...nodesOf(graph)].map((node) => node.id)),
    type.replaceAll(/[^A-Za-z0-9_]/g, "_"),
  );
}

function free(taken: ReadonlySet<string>, wanted: string): string {
  const stem = /^[A-Za-z]/.test(wanted) ? wanted : `n_${wanted}`;
  if (!taken.has(stem)) return stem;
  let count = 2;
  while (taken.has(`${stem}_${count}`)) count += 1;
  return `${stem}_${count}`;
}
