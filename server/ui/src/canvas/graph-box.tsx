/** A node on the canvas: what it is, what matters of it, and how it does. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { createContext, memo, useContext } from "react";
import { canvasWords } from "#words/canvas.ts";
import { words } from "#words/words.ts";
import type { GraphNodeBody } from "../api/types.ts";
import { type Box, type Mark, portsOf } from "./drawn.ts";

/** What boxes share: it is not in their data, so that few are drawn again. */
export interface Canvas {
  marks: ReadonlyMap<string, Mark>;
  active: string | null;
  prefix: string;
  isEditable: boolean;
  onFold(path: string, isFolded: boolean): void;
}

export const CanvasContext = createContext<Canvas>({
  marks: new Map(),
  active: null,
  prefix: "",
  isEditable: false,
  onFold: () => undefined,
});

const ICONS: Record<string, string> = {
  ai: "✦",
  data: "▤",
  documents: "❏",
  flow: "◆",
  outside: "⇄",
  people: "☺",
};

export const iconOf = (group: string | null): string => ICONS[group ?? ""] ?? "●";

/** Return all that a screen reader says of a node. */
/** Return how a join is shown and said, if it is another one than usual. */
function joinedBy(join: string): { sign: string; said: string } | null {
  if (join === "all") return { sign: "∀", said: canvasWords.joinsAll };
  if (join === "first") return { sign: "≥1", said: canvasWords.joinsFirst };
  const least = /^at least (\d+)$/.exec(join)?.[1];
  return least ? { sign: `≥${least}`, said: canvasWords.joinsSome(Number(least)) } : null;
}

export function labelOf(node: GraphNodeBody, mark: Mark | undefined): string {
  const statuses: Record<string, string> = words.status;
  const said = [
    node.group === null && canvasWords.unknownType,
    node.detail,
    node.disabled && canvasWords.disabled,
    joinedBy(node.join)?.said,
    mark?.status && (statuses[mark.status] ?? mark.status),
    mark?.note,
    mark?.errors && canvasWords.errors(mark.errors),
    mark?.warnings && canvasWords.warnings(mark.warnings),
    mark?.breakpoint && canvasWords.breakpoint,
    mark?.isStopped && canvasWords.stopped,
  ].filter(Boolean);
  return canvasWords.node(
    node.name ?? node.id,
    node.type,
    said.map((each) => `, ${each}`).join(""),
  );
}

export const GraphBox = memo(function GraphBox({ id, data, selected }: NodeProps<Box>) {
  const { marks, active, prefix, isEditable, onFold } = useContext(CanvasContext);
  const { node } = data;
  const mark = marks.get(id);
  const classes = [
    "box",
    `group-${node.group ?? "unknown"}`,
    data.hasFrame ? "frame" : "",
    selected ? "selected" : "",
    active === id ? "active" : "",
    node.disabled ? "disabled" : "",
    mark?.status ?? "",
    mark?.errors ? "broken" : "",
    mark?.isStopped ? "stopped" : "",
  ];
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it has one of two roles
    <div
      id={`${prefix}${id}`}
      className={classes.filter(Boolean).join(" ")}
      role={node.body ? "group" : "img"}
      aria-label={labelOf(node, mark)}
    >
      <Handle id="in" type="target" position={Position.Top} isConnectable={isEditable} />
      {joinedBy(node.join) && <span className="join">{joinedBy(node.join)?.sign}</span>}
      <div className="box-head">
        <span className="box-icon">{iconOf(node.group)}</span>
        <span className="box-name">{node.name ?? node.id}</span>
        <Marks mark={mark} />
      </div>
      <div className="box-detail">
        <span className="box-type">{node.type}</span> {mark?.note ?? node.detail ?? node.workflow}
      </div>
      {(data.isFolded || data.hasFrame) && (
        <button
          type="button"
          className="fold nodrag"
          tabIndex={-1}
          aria-label={
            data.isFolded
              ? canvasWords.unfold(node.id, node.body?.nodes.length ?? 0)
              : canvasWords.fold(node.id)
          }
          onClick={(event) => {
            event.stopPropagation();
            onFold(id, !data.isFolded);
          }}
        >
          {data.isFolded ? `▸ ${canvasWords.inside(node.body?.nodes.length ?? 0)}` : "▾"}
        </button>
      )}
      {portsOf(node).map((port) => (
        <Handle
          key={port.id}
          id={port.id}
          type="source"
          position={Position.Bottom}
          isConnectable={isEditable}
          style={{ left: `${port.at * 100}%` }}
        >
          {port.branch !== null && <span className="branch">{port.branch}</span>}
        </Handle>
      ))}
    </div>
  );
});

function Marks({ mark }: { mark: Mark | undefined }) {
  return (
    <span className="marks">
      {mark?.breakpoint && <span className="mark breakpoint">●</span>}
      {mark?.errors ? <span className="mark error">✕{mark.errors}</span> : null}
      {mark?.warnings ? <span className="mark warning">!{mark.warnings}</span> : null}
      {mark?.status && <span className={`mark ${mark.status}`}>{SIGNS[mark.status] ?? "·"}</span>}
    </span>
  );
}

const SIGNS: Record<string, string> = {
  running: "▶",
  completed: "✓",
  failed: "✕",
  skipped: "↷",
  waiting: "◔",
  retrying: "↻",
  cancelled: "⊘",
};
