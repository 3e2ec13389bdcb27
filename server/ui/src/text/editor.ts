/** The editor of a definition's text: CodeMirror in a shadow root, where its styles need no exception. */
import {
  autocompletion,
  type CompletionSource,
  closeBrackets,
  completionKeymap,
} from "@codemirror/autocomplete";
import {
  defaultKeymap,
  history,
  historyKeymap,
  indentLess,
  indentMore,
  redo,
  undo,
} from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import {
  highlightSelectionMatches,
  openSearchPanel,
  search,
  searchKeymap,
} from "@codemirror/search";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  type HoverTooltipSource,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import { difference } from "./changes.ts";
import { theme } from "./theme.ts";

export interface EditorOptions {
  text: string;
  label: string;
  format: "yaml" | "json";
  isReadOnly?: boolean;
  onChange?(text: string): void;
  /** The cursor moved, by the person. */
  onCursor?(offset: number): void;
  complete?: CompletionSource;
  hover?: HoverTooltipSource;
  keys?: { key: string; run(): boolean }[];
  extensions?: Extension;
}

/** An editor in an element; `destroy` ends it. */
export interface Editor {
  view: EditorView;
  /** Change the text in one step, which can be undone; only what differs is touched. */
  replace(text: string): void;
  show(diagnostics: readonly Diagnostic[]): void;
  reveal(from: number, to?: number, takesFocus?: boolean): void;
  undo(): void;
  redo(): void;
  find(): void;
  destroy(): void;
}

export function createEditor(place: HTMLElement, options: EditorOptions): Editor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const holder = document.createElement("div");
  // It is as high as the element that it is in.
  Object.assign(holder.style, { height: "100%" });
  root.replaceChildren(holder);
  const readOnly = new Compartment();
  const view = new EditorView({
    root,
    parent: holder,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        ...common(options),
        readOnly.of(EditorState.readOnly.of(options.isReadOnly ?? false)),
        options.extensions ?? [],
      ],
    }),
  });
  return {
    view,
    replace(text) {
      const change = difference(view.state.doc.toString(), text);
      if (change) view.dispatch({ changes: change, userEvent: "input.gesture" });
    },
    show(diagnostics) {
      const most = view.state.doc.length;
      const within = diagnostics.filter((each) => each.to <= most);
      view.dispatch(setDiagnostics(view.state, within));
    },
    reveal(from, to = from, takesFocus = true) {
      const most = view.state.doc.length;
      const selection = { anchor: Math.min(from, most), head: Math.min(to, most) };
      view.dispatch({
        selection,
        effects: EditorView.scrollIntoView(selection.anchor, { y: "center" }),
        userEvent: "select.reveal",
      });
      if (takesFocus) view.focus();
    },
    undo: () => void undo(view),
    redo: () => void redo(view),
    find: () => void openSearchPanel(view),
    destroy: () => view.destroy(),
  };
}

function common(options: EditorOptions): Extension[] {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    history(),
    foldGutter(),
    drawSelection(),
    EditorState.allowMultipleSelections.of(true),
    EditorState.tabSize.of(2),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    rectangularSelection(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    lintGutter(),
    options.format === "json" ? json() : yaml(),
    autocompletion(options.complete ? { override: [options.complete] } : {}),
    options.hover ? hoverTooltip(options.hover) : [],
    Prec.high(keymap.of(options.keys ?? [])),
    // Tab leaves the editor; without that, a keyboard could not.
    keymap.of([
      { key: "Mod-]", run: indentMore },
      { key: "Mod-[", run: indentLess },
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
    ]),
    EditorView.contentAttributes.of({ "aria-label": options.label }),
    EditorView.lineWrapping,
    theme,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onChange?.(update.state.doc.toString());
      const isMoved =
        update.selectionSet &&
        !update.transactions.some((each) => each.isUserEvent("select.reveal"));
      if (isMoved || update.docChanged) options.onCursor?.(update.state.selection.main.head);
    }),
  ];
}
