/** The nodes of a run with their states, as a tree. */
import { type KeyboardEvent, useMemo, useRef } from "react";
import { runViewWords } from "#words/run-view.ts";
import { Empty } from "../parts/notices.tsx";
import { StatusBadge } from "../parts/values.tsx";
import { useStore } from "../state/store.ts";
import { formatCost, formatDuration, formatNumber } from "../words/format.ts";
import { breakpointsNow } from "./breakpoints.ts";
import type { Execution } from "./executions.ts";
import { flat, nodesOf, type RunNode, timeIn } from "./nodes.ts";
import type { RunModel } from "./run-store.ts";
import { totalOf } from "./usage.ts";

interface RunGraphProperties {
  model: RunModel;
  /** Name of the chosen node. */
  chosen: string | null;
  onChoose(name: string): void;
  /** Add or remove a breakpoint, by F9; null if that is not possible. */
  onToggleStop: ((name: string) => void) | null;
}

/** What a run does, node by node: the equal of the canvas. */
export function RunGraph(properties: RunGraphProperties) {
  const { model, chosen, onChoose, onToggleStop } = properties;
  const view = useStore(model.store, (value) => value.view);
  const graph = useStore(model.store, (value) => value.graph);
  // The breakpoints that a run began with are in the run, and not in its events.
  useStore(model.store, (value) => value.run);
  const stops = breakpointsNow(model);
  const nodes = useMemo(() => nodesOf(view, graph), [view, graph]);
  const list = useMemo(() => flat(nodes), [nodes]);
  const tree = useRef<HTMLDivElement>(null);
  if (list.length === 0) return <Empty title={runViewWords.noNode} />;
  const focused = list.some((node) => node.name === chosen) ? chosen : list[0]?.name;
  const move = (event: KeyboardEvent) => {
    if (event.key === "F9" && focused && onToggleStop) {
      event.preventDefault();
      onToggleStop(focused);
    }
    const at = list.findIndex((node) => node.name === focused);
    const parent = list[at]?.name.split(".").slice(0, -1).join(".");
    const places: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      ArrowRight: list[at]?.children.length ? at + 1 : at,
      ArrowLeft: parent ? list.findIndex((node) => node.name === parent) : at,
      Home: 0,
      End: list.length - 1,
    };
    const next = list[places[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    onChoose(next.name);
    tree.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next.name)}"]`)?.focus();
  };
  return (
    <div
      className="run-tree panel"
      role="tree"
      aria-label={runViewWords.tree}
      ref={tree}
      onKeyDown={move}
    >
      {list.map((node) => (
        <Item
          key={node.name}
          node={node}
          isChosen={node.name === chosen}
          isFocused={node.name === focused}
          isStop={stops?.nodes.includes(node.name) ?? false}
          isStoppedHere={view.stoppedBefore.includes(node.name)}
          onChoose={onChoose}
        />
      ))}
    </div>
  );
}

/** A row of the tree; its level says which node's body it is in. */
function Item(properties: {
  node: RunNode;
  isChosen: boolean;
  isFocused: boolean;
  /** It has a breakpoint. */
  isStop: boolean;
  isStoppedHere: boolean;
  onChoose(name: string): void;
}) {
  const { node } = properties;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are those of the tree
    <div
      role="treeitem"
      className="run-node"
      aria-level={node.level}
      aria-selected={properties.isChosen}
      aria-expanded={node.children.length > 0 ? true : undefined}
      data-node={node.name}
      tabIndex={properties.isFocused ? 0 : -1}
      style={{ marginInlineStart: `${(node.level - 1) * 1.5}rem` }}
      onClick={() => properties.onChoose(node.name)}
    >
      <StateBadge state={node.state} />{" "}
      {properties.isStop && (
        <span className="stop-dot" role="img" aria-label={runViewWords.breakpoint}>
          ●
        </span>
      )}
      <span className="run-node-name">
        <strong>{node.title}</strong> <span className="faint">{node.type}</span>
      </span>{" "}
      {properties.isStoppedHere && <span className="stands">{runViewWords.stoppedHere}</span>}
      <span className="run-node-facts faint number">{factsOf(node).join(" · ")}</span>
    </div>
  );
}

/** The state of a node, by sign, word and colour. */
export function StateBadge({ state }: { state: string }) {
  if (state === "pending") {
    return (
      <span className="status">
        <span aria-hidden="true">○</span> {runViewWords.states.pending}
      </span>
    );
  }
  return <StatusBadge status={state} />;
}

function factsOf(node: RunNode): string[] {
  const last = node.executions.at(-1);
  if (!last) return [];
  const found: string[] = [];
  if (node.executions.length > 1) found.push(runViewWords.runs(node.executions.length));
  if (last.attempts > 1) found.push(runViewWords.attempts(last.attempts));
  if (last.branch) found.push(`→ ${last.branch}`);
  const waited = timeIn(last, "wait", Date.now());
  if (waited > 0) found.push(`${runViewWords.details.waited} ${formatDuration(waited)}`);
  if (last.durationMs !== null) found.push(formatDuration(last.durationMs));
  return [...found, ...used(node.executions)];
}

function used(executions: readonly Execution[]): string[] {
  let [tokens, cost] = [0, 0];
  for (const each of executions) {
    const total = totalOf(each.usage);
    tokens += total["total_tokens"] ?? 0;
    cost += total["cost"] ?? 0;
  }
  const found =
    tokens > 0 ? [`${formatNumber(tokens)} ${runViewWords.facts.tokens.toLowerCase()}`] : [];
  return cost > 0 ? [...found, formatCost(cost)] : found;
}
