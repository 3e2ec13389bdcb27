/** A graph that is drawn: one stop of the tab key, with all of it under the arrow keys. */
import {
  type Connection,
  MiniMap,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./canvas.css";
import {
  type DragEvent,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { canvasWords } from "#words/canvas.ts";
import type { GraphBody } from "../api/types.ts";
import { IconButton } from "../parts/buttons.tsx";
import { type Box, drawn, type Mark } from "./drawn.ts";
import { type Canvas, CanvasContext, GraphBox } from "./graph-box.tsx";
import { neighbour } from "./moves.ts";

export interface Gesture {
  source: string;
  target: string;
  branch: string | null;
}

export interface GraphProperties {
  graph: GraphBody;
  selection: readonly string[];
  onSelect(paths: string[]): void;
  marks?: ReadonlyMap<string, Mark>;
  /** Of the last text that could be read, not of today's. */
  isStale?: boolean;
  onConnect?(gesture: Gesture): void;
  /** An edge was chosen. */
  onEdge?(gesture: Gesture): void;
  /** A node type was dropped: on an edge, on a node, or beside them. */
  onDrop?(type: string, on: Gesture | string | null): void;
  /** A key that is not for moving. */
  onKey?(event: KeyboardEvent): void;
  onOpen?(path: string): void;
}

const TYPES = { box: GraphBox };
const NO_MARKS: ReadonlyMap<string, Mark> = new Map();
// What is dragged from the palette.
export const NODE_TYPE = "application/x-flowc-node-type";

export function GraphCanvas(properties: GraphProperties) {
  return (
    <ReactFlowProvider>
      <Inner {...properties} />
    </ReactFlowProvider>
  );
}

function Inner(properties: GraphProperties) {
  const { graph, selection, onSelect, marks = NO_MARKS } = properties;
  const [folded, setFolded] = useState<ReadonlyMap<string, boolean>>(new Map());
  const prefix = useId();
  const element = useRef<HTMLDivElement>(null);
  const flow = useReactFlow();
  const drawing = useMemo(() => drawn(graph, folded), [graph, folded]);
  const active = selection.at(-1) ?? null;
  const boxes = useMemo(
    () => drawing.boxes.map((box) => ({ ...box, selected: selection.includes(box.id) })),
    [drawing, selection],
  );
  const canvas = useMemo<Canvas>(
    () => ({
      marks,
      active,
      prefix,
      isEditable: properties.onConnect !== undefined,
      onFold: (path, isFolded) => setFolded((old) => new Map(old).set(path, isFolded)),
    }),
    [marks, active, prefix, properties.onConnect],
  );
  useEffect(() => {
    if (active) show(flow, drawing.boxes, active, element.current);
  }, [active, drawing, flow]);
  const isEmpty = drawing.boxes.length === 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the first graph is moved into view
  useEffect(() => {
    if (!isEmpty) void flow.setViewport(firstView(drawing.boxes, element.current));
  }, [isEmpty]);
  const change = useCallback(
    (changes: NodeChange<Box>[]) => {
      const chosen = changes.filter((each) => each.type === "select");
      if (chosen.length === 0) return;
      const next = new Set(selection);
      for (const each of chosen) {
        if (each.selected) next.add(each.id);
        else next.delete(each.id);
      }
      onSelect([...next]);
    },
    [selection, onSelect],
  );
  const keys = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const next = neighbour(graph, active, event.key);
    if (next !== null) {
      event.preventDefault();
      onSelect(event.shiftKey ? [...selection, next] : [next]);
    } else if (event.key === "Enter" && active && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      properties.onOpen?.(active);
    } else if (event.key === "F") void flow.fitView({ duration: 0 });
    else properties.onKey?.(event);
  };
  return (
    <CanvasContext value={canvas}>
      <div
        ref={element}
        className={`canvas ${properties.isStale ? "stale" : ""}`}
        role="application"
        aria-label={`${canvasWords.graph}. ${canvasWords.graphHelp}`}
        aria-activedescendant={active ? `${prefix}${active}` : undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys work here
        tabIndex={0}
        onKeyDown={keys}
      >
        <ReactFlow<Box>
          nodes={boxes}
          edges={drawing.arrows}
          nodeTypes={TYPES}
          onNodesChange={change}
          onConnect={(made) => properties.onConnect?.(gestureOf(made))}
          onEdgeClick={(_, edge) =>
            properties.onEdge?.(gestureOf({ ...edge, sourceHandle: edge.sourceHandle ?? null }))
          }
          onPaneClick={() => onSelect([])}
          onNodeDoubleClick={(_, box) => properties.onOpen?.(box.id)}
          onDragOver={(event) => {
            if (event.dataTransfer.types.includes(NODE_TYPE)) event.preventDefault();
          }}
          onDrop={(event) => dropped(event, properties.onDrop)}
          nodesFocusable={false}
          edgesFocusable={false}
          nodesDraggable={false}
          deleteKeyCode={null}
          selectionKeyCode="Shift"
          multiSelectionKeyCode={["Control", "Meta"]}
          disableKeyboardA11y
          onlyRenderVisibleElements
          minZoom={0.05}
          maxZoom={2}
          proOptions={{ hideAttribution: true }}
        >
          {graph.nodes.length > 15 && <MiniMap pannable ariaLabel={null} nodeStrokeWidth={3} />}
        </ReactFlow>
        <div className="canvas-tools">
          <IconButton label={canvasWords.zoomIn} onClick={() => void flow.zoomIn()}>
            +
          </IconButton>
          <IconButton label={canvasWords.zoomOut} onClick={() => void flow.zoomOut()}>
            −
          </IconButton>
          <IconButton label={canvasWords.fit} onClick={() => void flow.fitView()}>
            ⤢
          </IconButton>
        </div>
        {properties.isStale && <p className="canvas-badge">{canvasWords.stale}</p>}
        {graph.nodes.length === 0 && <p className="canvas-badge">{canvasWords.empty}</p>}
      </div>
    </CanvasContext>
  );
}

/** Return the first view: the whole of a small graph, else its start, so that it can be read. */
function firstView(
  boxes: Box[],
  element: HTMLElement | null,
): { x: number; y: number; zoom: number } {
  const width = element?.clientWidth || 800;
  const height = element?.clientHeight || 500;
  const outer = boxes.filter((box) => !box.parentId);
  const right = Math.max(...outer.map((box) => box.position.x + (box.width ?? 0)));
  const bottom = Math.max(...outer.map((box) => box.position.y + (box.height ?? 0)));
  const whole = Math.min(1, (width - 48) / right, (height - 64) / bottom);
  if (whole >= 0.6) return { x: (width - right * whole) / 2, y: 32, zoom: whole };
  const first = outer[0];
  const centre = first ? first.position.x + (first.width ?? 0) / 2 : 0;
  return { x: width / 2 - centre * 0.9, y: 32, zoom: 0.9 };
}

/** Move a box into view, if it is not there. */
function show(
  flow: ReturnType<typeof useReactFlow>,
  boxes: Box[],
  path: string,
  element: HTMLElement | null,
): void {
  const place = placeOf(boxes, path);
  if (!place || !element) return;
  const { x, y, zoom } = flow.getViewport();
  const left = place.x * zoom + x;
  const top = place.y * zoom + y;
  const isIn =
    left >= 0 &&
    top >= 0 &&
    left + 200 * zoom <= element.clientWidth &&
    top + 60 * zoom <= element.clientHeight;
  if (!isIn) void flow.setCenter(place.x + 112, place.y + 34, { zoom, duration: 0 });
}

function placeOf(boxes: Box[], path: string): { x: number; y: number } | null {
  const box = boxes.find((each) => each.id === path);
  if (!box) return null;
  const around = box.parentId ? placeOf(boxes, box.parentId) : null;
  return { x: box.position.x + (around?.x ?? 0), y: box.position.y + (around?.y ?? 0) };
}

function gestureOf(made: Pick<Connection, "source" | "target" | "sourceHandle">): Gesture {
  const branch = made.sourceHandle?.startsWith("branch:") ? made.sourceHandle.slice(7) : null;
  return { source: made.source, target: made.target, branch };
}

function dropped(event: DragEvent, onDrop: GraphProperties["onDrop"]): void {
  const type = event.dataTransfer.getData(NODE_TYPE);
  if (!type || !onDrop) return;
  event.preventDefault();
  const target = event.target as Element;
  const edge = target.closest(".react-flow__edge")?.getAttribute("data-id");
  const node = target.closest(".react-flow__node")?.getAttribute("data-id");
  const [source, aim, branch] = edge?.split(">") ?? [];
  if (source && aim) onDrop(type, { source, target: aim, branch: branch || null });
  else onDrop(type, node ?? null);
}
