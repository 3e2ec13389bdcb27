/** The graph as a tree of its nodes: what the canvas shows, for those who do not see it. */
import { type KeyboardEvent, useRef } from "react";
import { canvasWords } from "#words/canvas.ts";
import type { GraphBody, GraphNodeBody } from "../api/types.ts";
import { type Mark, nodesOf } from "./drawn.ts";
import { iconOf, labelOf } from "./graph-box.tsx";

interface OutlineProperties {
  graph: GraphBody;
  selection: readonly string[];
  onSelect(paths: string[]): void;
  onOpen?(path: string): void;
  onKey?(event: KeyboardEvent): void;
  marks?: ReadonlyMap<string, Mark>;
}

export function Outline(properties: OutlineProperties) {
  const { graph, selection } = properties;
  const tree = useRef<HTMLUListElement>(null);
  const all = [...nodesOf(graph)].map((node) => node.path);
  const active = selection.at(-1) ?? all[0];
  const move = (event: KeyboardEvent) => {
    const at = all.indexOf(active ?? "");
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: all.length - 1,
    };
    const next = all[steps[event.key] ?? -1];
    if (next !== undefined) {
      event.preventDefault();
      properties.onSelect([next]);
      const items = tree.current?.querySelectorAll<HTMLElement>("[role=treeitem]") ?? [];
      [...items].find((item) => item.dataset["path"] === next)?.focus();
    } else if (event.key === "Enter" && active && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      properties.onOpen?.(active);
    } else properties.onKey?.(event);
  };
  return (
    <ul
      className="outline"
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a tree has no element of its own
      role="tree"
      aria-label={canvasWords.outline}
      ref={tree}
      onKeyDown={move}
    >
      {graph.nodes.map((node) => (
        <Branch key={node.path} {...properties} node={node} active={active ?? ""} level={1} />
      ))}
    </ul>
  );
}

function Branch(
  properties: OutlineProperties & { node: GraphNodeBody; active: string; level: number },
) {
  const { node, active, level, selection, marks } = properties;
  const mark = marks?.get(node.path);
  return (
    <li role="none">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys */}
      <div
        role="treeitem"
        data-path={node.path}
        aria-level={level}
        aria-selected={selection.includes(node.path)}
        aria-expanded={node.body ? true : undefined}
        aria-label={labelOf(node, mark)}
        tabIndex={node.path === active ? 0 : -1}
        onClick={() => properties.onSelect([node.path])}
        className={mark?.errors ? "broken" : undefined}
      >
        <span aria-hidden="true">{iconOf(node.group)}</span> {node.name ?? node.id}{" "}
        <span className="faint">{node.type}</span>
        {mark?.errors ? <span className="error-text"> ✕{mark.errors}</span> : null}
      </div>
      {node.body && (
        // biome-ignore lint/a11y/useSemanticElements: a group of a tree has no element of its own
        <ul role="group">
          {node.body.nodes.map((inner) => (
            <Branch {...properties} key={inner.path} node={inner} level={level + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}
