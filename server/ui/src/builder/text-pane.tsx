/** The text of the definition, in the editor. */
import type { Action, Diagnostic } from "@codemirror/lint";
import type { HoverTooltipSource } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { builderWords } from "#words/builder.ts";
import type { DiagnosticBody } from "../api/types.ts";
import { useStore } from "../state/store.ts";
import { breakpointGutter, showBreakpoints } from "../text/breakpoint-gutter.ts";
import { createEditor } from "../text/editor.ts";
import { extentOf, type Lines, linesOf, offsetOf } from "../text/positions.ts";
import { completions, nodeType } from "./completion.ts";
import { type Builder, pathAt, placeOf } from "./model.ts";

export function TextPane({
  builder,
  onSave,
  onRun,
}: {
  builder: Builder;
  onSave(): void;
  onRun(): void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const check = useStore(builder.store, (state) => state.check);
  const checked = useStore(builder.store, (state) => state.checked);
  const keys = useRef({ onSave, onRun });
  keys.current = { onSave, onRun };
  useEffect(() => {
    if (!place.current) return;
    const { text, stored } = builder.store.get();
    const editor = createEditor(place.current, {
      text,
      label: builderWords.textLabel,
      format: stored.format,
      onChange: (changed) => builder.changed(changed),
      onCursor: (offset) => builder.cursorAt(offset),
      complete: completions(builder),
      hover: typeHover,
      extensions: breakpointGutter((from, to) => {
        const path = pathAt(builder.store.get(), to) ?? pathAt(builder.store.get(), from);
        if (path !== null) builder.toggleBreakpoint(path);
      }),
      keys: [
        { key: "Mod-s", run: () => does(() => keys.current.onSave()) },
        { key: "Mod-Enter", run: () => does(() => keys.current.onRun()) },
        { key: "F9", run: () => does(() => toggleAtCursor(builder)) },
        { key: "F12", run: () => does(() => followReference(builder)) },
      ],
    });
    builder.attach(editor);
    return () => editor.destroy();
  }, [builder]);
  useEffect(() => {
    const editor = builder.editor();
    if (!editor || !check || checked !== editor.view.state.doc.toString()) return;
    const lines = linesOf(checked);
    editor.show(check.diagnostics.map((each) => shown(builder, lines, each)));
  }, [builder, check, checked]);
  const breakpoints = useStore(builder.store, (state) => state.breakpoints);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another check has other places
  useEffect(() => {
    const editor = builder.editor();
    if (!editor) return;
    const places = breakpoints.map((path) => placeOf(builder.store.get(), path)?.from);
    if (builder.store.get().checked !== builder.store.get().text) return;
    showBreakpoints(
      editor.view,
      places.filter((each) => each !== undefined),
    );
  }, [builder, breakpoints, checked]);
  return <div className="text-pane" ref={place} />;
}

function does(act: () => void): boolean {
  act();
  return true;
}

function shown(builder: Builder, lines: Lines, found: DiagnosticBody): Diagnostic {
  const extent = found.range
    ? extentOf(lines, found.range)
    : pointOf(lines, found.line ?? 1, found.column ?? 1);
  const actions: Action[] = (found.fixes ?? []).map((fix) => ({
    name: fix.title,
    apply: () => builder.fix(fix),
  }));
  return {
    ...extent,
    severity: found.severity,
    source: found.code,
    message: found.hint ? `${found.message}\n${found.hint}` : found.message,
    actions,
  };
}

function pointOf(lines: Lines, line: number, column: number): { from: number; to: number } {
  const from = offsetOf(lines, { line, column });
  return { from, to: Math.min(from + 1, lines.text.length) };
}

/** Say what a node type does, under the pointer. */
const typeHover: HoverTooltipSource = async (view, at) => {
  const line = view.state.doc.lineAt(at);
  const found = /type["']?:\s*["']?([\w-]+)/.exec(line.text);
  if (!found) return null;
  const from = line.from + found.index + found[0].length - (found[1] ?? "").length;
  const to = from + (found[1] ?? "").length;
  if (at < from || at > to) return null;
  const details = await nodeType(found[1] ?? "").catch(() => null);
  if (!details) return null;
  const dom = document.createElement("div");
  dom.className = "cm-diagnostic";
  dom.textContent = details.summary;
  return { pos: from, end: to, create: () => ({ dom }) };
};

function toggleAtCursor(builder: Builder): void {
  const head = builder.editor()?.view.state.selection.main.head ?? 0;
  const path = pathAt(builder.store.get(), head);
  if (path !== null) builder.toggleBreakpoint(path);
}

/** Go to the node whose id is under the cursor. */
function followReference(builder: Builder): void {
  const editor = builder.editor();
  if (!editor) return;
  const { state } = editor.view;
  const line = state.doc.lineAt(state.selection.main.head);
  const at = state.selection.main.head - line.from;
  const before = /[\w-]*$/.exec(line.text.slice(0, at))?.[0] ?? "";
  const after = /^[\w-]*/.exec(line.text.slice(at))?.[0] ?? "";
  builder.select([pathOfId(builder, before + after)].filter((path) => path !== null));
}

function pathOfId(builder: Builder, id: string): string | null {
  const graph = builder.store.get().graph;
  return graph?.nodes.find((node) => node.id === id)?.path ?? null;
}
