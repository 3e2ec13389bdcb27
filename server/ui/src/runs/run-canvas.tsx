/** The graph of a run as it works; F9 sets a breakpoint at the chosen node, or takes it out. */
import { type KeyboardEvent, useMemo } from "react";
import { runViewWords } from "#words/run-view.ts";
import type { Mark } from "../canvas/drawn.ts";
import { GraphCanvas } from "../canvas/graph-canvas.tsx";
import { useStore } from "../state/store.ts";
import { formatDuration } from "../words/format.ts";
import { breakpointsNow } from "./breakpoints.ts";
import { flat, nodesOf, type RunNode } from "./nodes.ts";
import type { RunModel } from "./run-store.ts";

interface RunCanvasProperties {
  model: RunModel;
  chosen: string | null;
  onChoose(name: string): void;
  /** Add or remove a breakpoint; null if that is not possible. */
  onToggleStop: ((name: string) => void) | null;
}

export default function RunCanvas(properties: RunCanvasProperties) {
  const { model, chosen, onChoose, onToggleStop } = properties;
  const view = useStore(model.store, (value) => value.view);
  const graph = useStore(model.store, (value) => value.graph);
  // The breakpoints that a run began with are in the run, and not in its events.
  useStore(model.store, (value) => value.run);
  const stops = breakpointsNow(model);
  const marks = useMemo(() => {
    const found = flat(nodesOf(view, graph)).map((node) => {
      const mark = markOf(node);
      if (stops?.nodes.includes(node.name)) mark.breakpoint = true;
      if (view.stoppedBefore.includes(node.name)) mark.isStopped = true;
      return [node.name, mark] as const;
    });
    return new Map(found);
  }, [view, graph, stops]);
  const selection = useMemo(() => (chosen === null ? [] : [chosen]), [chosen]);
  if (!graph) return null;
  const key = (event: KeyboardEvent) => {
    if (event.key !== "F9" || chosen === null || !onToggleStop) return;
    event.preventDefault();
    onToggleStop(chosen);
  };
  return (
    <>
      {onToggleStop && <p className="hint">{runViewWords.canvasHint}</p>}
      <div className="run-canvas">
        <GraphCanvas
          {...{ graph, selection, marks }}
          onSelect={(paths) => {
            const last = paths.at(-1);
            if (last !== undefined) onChoose(last);
          }}
          onKey={key}
        />
      </div>
    </>
  );
}

function markOf(node: RunNode): Mark {
  if (node.state === "pending") return {};
  const last = node.executions.at(-1);
  const count = node.executions.length > 1 ? runViewWords.runs(node.executions.length) : null;
  const time = last?.durationMs == null ? null : formatDuration(last.durationMs);
  const note = [count, time].filter((each) => each !== null).join(" · ");
  return { status: node.state, ...(note && { note }) };
}
