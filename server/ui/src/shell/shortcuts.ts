/** Keys that work on a page, and the list of them under `?`. */
import { useEffect, useRef } from "react";
import { createStore } from "../state/store.ts";

export interface Shortcut {
  /** As it is written for people, such as `Ctrl+S` or `g`; on a Mac, Ctrl is also Cmd. */
  keys: string;
  does: string;
  /** Without it, the key is only listed: a part of the page listens to it itself. */
  run?(event: KeyboardEvent): void;
  /** Works while a text is typed, too. */
  inText?: boolean;
}

export const shortcuts = createStore<{ groups: { name: string; list: Shortcut[] }[] }>({
  groups: [],
});

/** Make keys work while the component is there. */
export function useShortcuts(name: string, list: Shortcut[]): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    const group = {
      name,
      get list() {
        return latest.current;
      },
    };
    shortcuts.set(({ groups }) => ({ groups: [...groups, group] }));
    return () =>
      shortcuts.set(({ groups }) => ({ groups: groups.filter((each) => each !== group) }));
  }, [name]);
}

/** Return an event's key as shortcuts are written. */
export function keysOf(event: KeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key;
  const isLetter = key.length === 1;
  const control = event.ctrlKey || event.metaKey;
  const shift = event.shiftKey && (!isLetter || control);
  const written = isLetter && control ? key.toUpperCase() : key;
  return `${control ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${written}`;
}

export function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return;
  const keys = keysOf(event);
  const typing = isTyping(event);
  // The group that came last is the innermost.
  for (const group of [...shortcuts.get().groups].reverse()) {
    const found = group.list.find(
      (each) => each.run && each.keys === keys && (!typing || each.inText),
    );
    if (found) {
      event.preventDefault();
      found.run?.(event);
      return;
    }
  }
});
