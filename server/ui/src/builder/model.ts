/**
 * What the builder knows: the text, what the server reads in it, and what is selected.
 *
 * The text is the definition. It is in the editor, whose history is the only one: a gesture on the
 * canvas and a field of a form change the text, and what is drawn is what the server answers to it.
 */
import { ApiError, post } from "../api/client.ts";
import type { CheckBody, FixBody, GraphBody } from "../api/types.ts";
import { graphAround, nodesOf } from "../canvas/drawn.ts";
import { createStore, type Store } from "../state/store.ts";
import { applied } from "../text/changes.ts";
import type { Editor } from "../text/editor.ts";
import { Unreadable } from "../text/edits.ts";
import { extentOf, linesOf } from "../text/positions.ts";
import type { Done } from "./gestures.ts";
import { forget, keep, type LocalCopy } from "./local-copy.ts";
import { publishDraft, readStored, type StoredText, storeDraft } from "./stored.ts";

export interface BuilderState {
  text: string;
  stored: StoredText;
  /** The last answer of the server, and the text that it is about. */
  check: CheckBody | null;
  checked: string | null;
  /** The last graph that could be read. */
  graph: GraphBody | null;
  selection: readonly string[];
  /** Paths of the nodes before which runs that begin here stop. */
  breakpoints: readonly string[];
  /** The last text that the browser keeps beside the server; it is shown again at the next visit. */
  kept: string | null;
  isSaving: boolean;
  /** What somebody else stored meanwhile. */
  conflict: StoredText | null;
  /** Why the last check or the last act failed. */
  problem: unknown;
}

export interface Builder {
  id: string;
  store: Store<BuilderState>;
  /** The editor is there, and says what is typed. */
  attach(editor: Editor): void;
  changed(text: string): void;
  cursorAt(offset: number): void;
  select(paths: readonly string[], reveals?: boolean): void;
  /** Let runs that begin here stop before a node, or no longer. */
  toggleBreakpoint(path: string): void;
  /** Change the text by a gesture. */
  act(gesture: (text: string, graph: GraphBody) => Done | null): void;
  fix(fix: FixBody): void;
  reveal(pointerRange: { from: number; to: number }): void;
  save(): Promise<boolean>;
  publish(message: string): Promise<number>;
  /** Take the text of somebody else, or of a version, as what is worked on. */
  take(stored: StoredText): void;
  /** Keep this text, and overwrite what somebody else stored. */
  insist(): Promise<boolean>;
  editor(): Editor | null;
  dispose(): void;
}

const WAIT = 150;
const EMPTY: GraphBody = { entries: [], nodes: [], edges: [] };

export const isDirty = (state: BuilderState): boolean => state.text !== state.stored.text;

export function createBuilder(id: string, stored: StoredText, local: LocalCopy | null): Builder {
  const store = createStore<BuilderState>({
    text: local?.text ?? stored.text,
    stored,
    check: null,
    checked: null,
    graph: null,
    selection: [],
    breakpoints: keptBreakpoints(id),
    kept: local?.text ?? null,
    isSaving: false,
    conflict: null,
    problem: undefined,
  });
  const checks = checking(id, store);
  let editor: Editor | null = null;
  let keeping: ReturnType<typeof setTimeout> | undefined;

  const changed = (text: string) => {
    store.set({ text });
    clearTimeout(keeping);
    keeping = setTimeout(async () => store.set({ kept: await keepLocally(id, store.get()) }), 200);
    checks.later();
  };
  const replace = (text: string) => {
    if (editor) editor.replace(text);
    else changed(text);
  };
  const save = async (etag = store.get().stored.etag): Promise<boolean> => {
    const { text, stored: old } = store.get();
    store.set({ isSaving: true, problem: undefined });
    try {
      const done = await storeDraft(id, { ...old, text, etag });
      store.set({
        stored: { ...old, text, etag: done.etag, author: done.draft.author },
        conflict: null,
      });
      if (store.get().text === text) await forget(id);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        store.set({ conflict: await readStored(id) });
      } else store.set({ problem: error });
      return false;
    } finally {
      store.set({ isSaving: false });
    }
  };
  checks.now();
  return {
    id,
    store,
    changed,
    attach(made) {
      editor = made;
    },
    editor: () => editor,
    cursorAt(offset) {
      const path = pathAt(store.get(), offset);
      const { selection } = store.get();
      if (path !== null && selection.at(-1) !== path) store.set({ selection: [path] });
    },
    select(paths, reveals = true) {
      store.set({ selection: [...paths] });
      const place = paths.length === 1 ? placeOf(store.get(), paths[0] ?? "") : null;
      if (place && reveals) editor?.reveal(place.from, place.from, false);
    },
    toggleBreakpoint(path) {
      const { breakpoints: old } = store.get();
      const breakpoints = old.includes(path) ? old.filter((each) => each !== path) : [...old, path];
      localStorage.setItem(breakpointsKey(id), JSON.stringify(breakpoints));
      store.set({ breakpoints });
    },
    act(gesture) {
      const { text, graph } = store.get();
      try {
        const done = gesture(text, graph ?? EMPTY);
        if (done === null) return;
        replace(done.text);
        if (done.selection) store.set({ selection: done.selection });
        checks.now();
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        store.set({ problem: error });
      }
    },
    fix(fix) {
      const { checked, text } = store.get();
      if (checked !== text) return;
      const lines = linesOf(text);
      const changes = fix.changes
        .map((each) => ({ ...extentOf(lines, each.range), insert: each.text }))
        .sort((a, b) => b.from - a.from);
      replace(changes.reduce(applied, text));
      checks.now();
    },
    reveal: ({ from, to }) => editor?.reveal(from, to),
    save: () => save(),
    insist: () => save(store.get().conflict?.etag ?? null),
    async publish(message) {
      if ((isDirty(store.get()) || store.get().stored.etag === null) && !(await save())) {
        throw store.get().problem ?? new Error();
      }
      const done = await publishDraft(id, store.get().stored.etag, message);
      const old = store.get().stored;
      store.set({ stored: { ...old, etag: null, version: done.version } });
      return done.version;
    },
    take(taken) {
      store.set({ stored: taken, conflict: null });
      replace(taken.text);
      void forget(id);
      checks.now();
    },
    dispose() {
      clearTimeout(keeping);
      // What was typed a moment ago is not lost either.
      void keepLocally(id, store.get());
      checks.stop();
    },
  };
}

/** Ask the server what the text means, a moment after the last change; one question at a time. */
function checking(id: string, store: Store<BuilderState>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  let isStopped = false;
  const ask = async () => {
    if (isAsking || isStopped) return;
    const { text, stored } = store.get();
    isAsking = true;
    try {
      const body = { source: text, format: stored.format, id };
      const check = await post<CheckBody>("/workflows/check", body);
      store.set((old) => ({
        check,
        checked: text,
        problem: undefined,
        graph: check.graph ?? old.graph,
        // What was added meanwhile is in no graph yet.
        selection:
          check.graph && old.text === text ? stillThere(old.selection, check.graph) : old.selection,
      }));
    } catch (error) {
      store.set({ problem: error });
      timer = setTimeout(() => void ask(), 3_000);
    }
    isAsking = false;
    if (store.get().text !== text) later();
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), WAIT);
  };
  return {
    later,
    now() {
      clearTimeout(timer);
      void ask();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const breakpointsKey = (id: string): string => `flowc.breakpoints.${id}`;

function keptBreakpoints(id: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(breakpointsKey(id)) ?? "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return [];
  }
}

function stillThere(selection: readonly string[], graph: GraphBody): readonly string[] {
  const left = selection.filter((path) => graphAround(graph, path) !== null);
  return left.length === selection.length ? selection : left;
}

/** Keep the text in the browser until it is saved; return it if it is kept. */
async function keepLocally(id: string, state: BuilderState): Promise<string | null> {
  const { text, stored } = state;
  try {
    if (!isDirty(state)) await forget(id);
    else await keep({ id, text, base: stored.etag, at: new Date().toISOString() });
  } catch {
    // A browser may keep nothing: then it asks before the page is closed.
    return null;
  }
  return isDirty(state) ? text : null;
}

/** Return the innermost node whose text is at an offset; null while the text is newer than the check. */
export function pathAt(state: BuilderState, offset: number): string | null {
  if (state.checked !== state.text || !state.graph) return null;
  const lines = linesOf(state.text);
  let found: string | null = null;
  for (const node of nodesOf(state.graph)) {
    const extent = node.range && extentOf(lines, node.range);
    if (extent && extent.from <= offset && offset <= extent.to) found = node.path;
  }
  return found;
}

/** Return where a node is in the text; null while the text is newer than the check. */
export function placeOf(state: BuilderState, path: string): { from: number; to: number } | null {
  if (state.checked !== state.text || !state.graph) return null;
  const node = [...nodesOf(state.graph)].find((each) => each.path === path);
  return node?.range ? extentOf(linesOf(state.text), node.range) : null;
}
