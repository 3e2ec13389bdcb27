/** The builder: the text, the graph that the server reads in it, and a form of the selected node. */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { builderWords } from "#words/builder.ts";
import { later } from "../parts/later.tsx";
import "./builder.css";
import type { DiagnosticBody, GraphBody } from "../api/types.ts";
import { type Mark, nodesOf } from "../canvas/drawn.ts";
import { type Gesture, GraphCanvas } from "../canvas/graph-canvas.tsx";
import { Outline } from "../canvas/outline.tsx";
import { messageOf } from "../parts/notices.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { useShortcuts } from "../shell/shortcuts.ts";
import { say, sayWithUndo } from "../shell/status.ts";
import { useStore } from "../state/store.ts";
import { Bar, type View } from "./bar.tsx";
import { ConflictDialog, ConnectDialog, PublishDialog, RenameDialog } from "./dialogs.tsx";
import * as gestures from "./gestures.ts";
import { Inspector } from "./inspector.tsx";
import { type Builder, isDirty } from "./model.ts";
import { Palette } from "./palette.tsx";
import { Plan } from "./plan.tsx";
import { Problems, reveal } from "./problems.tsx";
import { TextPane } from "./text-pane.tsx";

const RunDialog = later(() => import("./run-dialog.tsx"));

type Asked = { kind: "publish" | "run" } | { kind: "rename" | "connect"; path: string };

const EMPTY: GraphBody = { entries: [], nodes: [], edges: [] };
const VIEW = "flowc.view";

interface BuilderProperties {
  builder: Builder;
  onRun(id: string): void;
}

export function BuilderPanel({ builder, onRun }: BuilderProperties) {
  const [view, setView] = useState<View>(
    () => (localStorage.getItem(VIEW) as View | null) ?? (innerWidth >= 1100 ? "split" : "canvas"),
  );
  const [asked, setAsked] = useState<Asked | null>(null);
  const [drawer, setDrawer] = useState(innerWidth > 720 ? "problems" : "outline");
  const text = useRef<HTMLDivElement>(null);
  const graph = useStore(builder.store, (state) => state.graph) ?? EMPTY;
  const selection = useStore(builder.store, (state) => state.selection);
  const check = useStore(builder.store, (state) => state.check);
  const problem = useStore(builder.store, (state) => state.problem);
  const breakpoints = useStore(builder.store, (state) => state.breakpoints);
  const marks = useMemo(
    () => marksOf(check?.diagnostics ?? [], graph, breakpoints),
    [check, graph, breakpoints],
  );
  const edit = useEdits(builder, setAsked);
  useLeaving(builder);
  const choose = (chosen: View) => {
    localStorage.setItem(VIEW, chosen);
    setView(chosen);
  };
  const save = () => void builder.save().then((isSaved) => isSaved && say(builderWords.saved));
  const publish = () => {
    if (check?.is_valid) {
      setAsked({ kind: "publish" });
      return;
    }
    setDrawer("problems");
    void builder.save().then(() => say(builderWords.publishErrors));
  };
  const run = () => setAsked({ kind: "run" });
  const jump = (step: number) => jumpToProblem(builder, step);
  useShortcuts(builderWords.keys, [
    { keys: "Ctrl+S", does: builderWords.save, inText: true, run: save },
    { keys: "Ctrl+Enter", does: builderWords.run, inText: true, run },
    { keys: "Ctrl+1", does: builderWords.views.text, inText: true, run: () => choose("text") },
    { keys: "Ctrl+2", does: builderWords.views.split, inText: true, run: () => choose("split") },
    { keys: "Ctrl+3", does: builderWords.views.canvas, inText: true, run: () => choose("canvas") },
    { keys: "Ctrl+Z", does: builderWords.undo, run: () => builder.editor()?.undo() },
    { keys: "Ctrl+Y", does: builderWords.redo, run: () => builder.editor()?.redo() },
    { keys: "]", does: builderWords.nextProblem, run: () => jump(1) },
    { keys: "[", does: builderWords.lastProblem, run: () => jump(-1) },
  ]);
  useShortcuts(builderWords.graphKeys, GRAPH_KEYS);
  const open = () => {
    const field = document.querySelector<HTMLElement>("#inspector select, #inspector input");
    field?.focus();
  };
  return (
    <div className={`builder view-${view}`}>
      <Bar {...{ builder, view }} onView={choose} onSave={save} onPublish={publish} onRun={run} />
      {problem !== undefined && (
        <p className="notice error" role="alert">
          {messageOf(problem)}
        </p>
      )}
      <div className="panes">
        <Palette onChoose={edit.add} />
        <div className="text-column" ref={text}>
          <TextPane builder={builder} onSave={save} onRun={run} />
        </div>
        <div className="canvas-column">
          <GraphCanvas
            {...{ graph, selection, marks }}
            isStale={check !== null && check.graph === null}
            onSelect={(paths) => builder.select(paths)}
            onConnect={edit.connect}
            onEdge={edit.disconnect}
            onDrop={edit.drop}
            onKey={edit.key}
            onOpen={open}
          />
        </div>
        <Inspector
          builder={builder}
          onRename={(path) => setAsked({ kind: "rename", path })}
          onConnect={(path) => setAsked({ kind: "connect", path })}
        />
      </div>
      <div className="drawer">
        <Tabs
          label={builderWords.problems}
          chosen={drawer}
          onChoose={setDrawer}
          tabs={[
            {
              id: "problems",
              label: `${builderWords.problems} (${check?.diagnostics.length ?? 0})`,
              content: () => <Problems builder={builder} />,
            },
            {
              id: "outline",
              label: builderWords.outline,
              content: () => (
                <Outline
                  {...{ graph, selection, marks }}
                  onSelect={(paths) => builder.select(paths)}
                  onKey={edit.key}
                  onOpen={open}
                />
              ),
            },
            { id: "plan", label: builderWords.plan, content: () => <Plan builder={builder} /> },
          ]}
        />
      </div>
      <ConflictDialog builder={builder} />
      {asked?.kind === "publish" && (
        <PublishDialog builder={builder} onClose={() => setAsked(null)} />
      )}
      {asked?.kind === "run" && (
        <RunDialog builder={builder} onClose={() => setAsked(null)} onStarted={onRun} />
      )}
      {asked?.kind === "rename" && (
        <RenameDialog builder={builder} path={asked.path} onClose={() => setAsked(null)} />
      )}
      {asked?.kind === "connect" && (
        <ConnectDialog builder={builder} path={asked.path} onClose={() => setAsked(null)} />
      )}
    </div>
  );
}

/** Return what gestures on the canvas, the outline and the palette do. */
function useEdits(builder: Builder, ask: (asked: Asked) => void) {
  return useMemo(() => {
    const add = (type: string, beside = builder.store.get().selection.at(-1) ?? null) => {
      builder.act((text, graph) => gestures.withNode(text, graph, type, {}, beside));
      say(builderWords.added(builder.store.get().selection.at(-1) ?? type));
    };
    const connect = (wire: Gesture) =>
      builder.act((text, graph) => ({ text: gestures.connected(text, graph, wire) }));
    const disconnect = (wire: Gesture) => {
      builder.act((text, graph) => ({ text: gestures.disconnected(text, graph, wire) }));
      sayWithUndo(builderWords.disconnected, () => builder.editor()?.undo());
    };
    const drop = (type: string, on: Gesture | string | null) => {
      if (typeof on === "string" || on === null) add(type, on ?? undefined);
      else builder.act((text, graph) => gestures.withNodeOn(text, graph, type, {}, on));
    };
    const remove = () => {
      const { selection } = builder.store.get();
      if (selection.length === 0) return;
      builder.act((text, graph) => gestures.withoutNodes(text, graph, selection));
      sayWithUndo(builderWords.removed(selection.join(", ")), () => builder.editor()?.undo());
    };
    const duplicate = () =>
      builder.act((text, graph) => {
        const { selection } = builder.store.get();
        const source = gestures.copied(text, graph, selection);
        return gestures.pasted(text, graph, source, selection.at(-1) ?? null);
      });
    const key = (event: KeyboardEvent) => {
      const path = builder.store.get().selection.at(-1);
      const control = event.ctrlKey || event.metaKey;
      const acts: Record<string, (() => void) | false | undefined> = {
        Delete: remove,
        Backspace: remove,
        F9: path !== undefined && (() => builder.toggleBreakpoint(path)),
        F2: path !== undefined && (() => ask({ kind: "rename", path })),
        c: control
          ? () => void copy(builder)
          : path !== undefined && (() => ask({ kind: "connect", path })),
        v: control && (() => void paste(builder)),
        d: control && duplicate,
        a: !control && (() => document.querySelector<HTMLElement>(".palette input")?.focus()),
      };
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    return { add, connect, disconnect, drop, key };
  }, [builder, ask]);
}

async function copy(builder: Builder): Promise<void> {
  const { text, graph, selection } = builder.store.get();
  if (!graph || selection.length === 0) return;
  await navigator.clipboard.writeText(gestures.copied(text, graph, selection));
  say(builderWords.copiedNodes);
}

async function paste(builder: Builder): Promise<void> {
  const source = await navigator.clipboard.readText();
  builder.act((text, graph) => {
    const done = gestures.pasted(text, graph, source, builder.store.get().selection.at(-1) ?? null);
    if (done === null) say(builderWords.pasteBroken);
    return done;
  });
}

// The canvas and the outline listen to them.
const GRAPH_KEYS = Object.entries(builderWords.graphKeyList).map(([keys, does]) => ({
  keys,
  does,
}));

/** Return what is shown at each node: its problems, and its breakpoint. */
function marksOf(
  diagnostics: readonly DiagnosticBody[],
  graph: GraphBody,
  breakpoints: readonly string[],
): Map<string, Mark> {
  const marks = new Map<string, Mark>(breakpoints.map((path) => [path, { breakpoint: true }]));
  const nodes = [...nodesOf(graph)].reverse();
  for (const each of diagnostics) {
    if (each.severity === "info") continue;
    // The innermost node comes first.
    const node = nodes.find(
      ({ pointer }) => each.pointer === pointer || each.pointer.startsWith(`${pointer}/`),
    );
    if (!node) continue;
    const mark = marks.get(node.path) ?? {};
    const name = each.severity === "error" ? "errors" : "warnings";
    marks.set(node.path, { ...mark, [name]: (mark[name] ?? 0) + 1 });
  }
  return marks;
}

/** The browser asks before a page is closed, if its last changes are neither saved nor kept here. */
function useLeaving(builder: Builder): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      const state = builder.store.get();
      if (isDirty(state) && state.kept !== state.text) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [builder]);
}

function jumpToProblem(builder: Builder, step: number): void {
  const { check } = builder.store.get();
  const found = check?.diagnostics.filter((each) => each.severity !== "info") ?? [];
  const head = builder.editor()?.view.state.selection.main.head ?? 0;
  const line = builder.editor()?.view.state.doc.lineAt(head).number ?? 1;
  const later = found.filter((each) =>
    step > 0 ? (each.line ?? 0) > line : (each.line ?? 0) < line,
  );
  const next = (step > 0 ? later[0] : later.at(-1)) ?? (step > 0 ? found[0] : found.at(-1));
  if (next) reveal(builder, next);
}
