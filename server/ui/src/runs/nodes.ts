/** The nodes of a run with what each did, in the order of the definition. */
import type { GraphBody, GraphNodeBody } from "../api/types.ts";
import type { Execution, ExecutionState } from "./executions.ts";
import type { RunView } from "./run-model.ts";

export type NodeState = ExecutionState | "pending";

export interface RunNode {
  name: string;
  id: string;
  title: string;
  type: string;
  level: number;
  graph: GraphNodeBody | null;
  state: NodeState;
  executions: Execution[];
  children: RunNode[];
}

/** Return the nodes as a tree; those that no graph is known of follow from the executions alone. */
export function nodesOf(view: RunView, graph: GraphBody | null): RunNode[] {
  const known = new Set<string>();
  const drawn = (body: GraphBody | null, level: number): RunNode[] =>
    (body?.nodes ?? []).map((node) => {
      known.add(node.path);
      return {
        ...stateOf(view, node.path),
        name: node.path,
        id: node.id,
        title: node.name || node.id,
        type: node.type,
        level,
        graph: node,
        children: drawn(node.body, level + 1),
      };
    });
  const found = drawn(graph, 1);
  for (const [name, indexes] of view.byName) {
    if (known.has(name)) continue;
    const first = view.executions[indexes[0] ?? -1];
    found.push({
      ...stateOf(view, name),
      name,
      id: first?.nodeId ?? name,
      title: name,
      type: first?.type ?? "",
      level: 1,
      graph: null,
      children: [],
    });
  }
  return found;
}

/** Return the nodes of a tree in one list, each before its children. */
export function flat(nodes: readonly RunNode[]): RunNode[] {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

/** Return the executions of a node, the oldest first. */
export function executionsOf(view: RunView, name: string): Execution[] {
  return (view.byName.get(name) ?? []).flatMap((index) => view.executions[index] ?? []);
}

/** Return the milliseconds of one kind in an execution's time so far. */
export function timeIn(execution: Execution, kind: "work" | "wait" | "delay", now: number): number {
  return execution.spans
    .filter((span) => span.kind === kind)
    .reduce((sum, span) => sum + Math.max(0, (span.to ?? now) - span.from), 0);
}

function stateOf(view: RunView, name: string): { state: NodeState; executions: Execution[] } {
  const executions = executionsOf(view, name);
  const last = executions.at(-1);
  // Items of a map are at work together: one of them says more than the last one.
  const active = executions.findLast((each) => each.finishedAt === null && each.startedAt !== null);
  const isUnreached = view.unreached.includes(name);
  return { state: (active ?? last)?.state ?? (isUnreached ? "skipped" : "pending"), executions };
}
