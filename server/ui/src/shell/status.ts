/** What is said at the bottom of the page, and what can be undone for a while. */
import { createStore } from "../state/store.ts";

interface Status {
  /** The last thing that happened; screen readers say it. */
  text: string;
  toast: { text: string; undo: () => void } | null;
}

export const status = createStore<Status>({ text: "", toast: null });

/** Say what happened. */
export function say(text: string): void {
  status.set({ text });
}

/** Say what happened, and offer to undo it until something else happens. */
export function sayWithUndo(text: string, undo: () => void): void {
  status.set({ text, toast: { text, undo } });
}
