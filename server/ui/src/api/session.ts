/** Who uses these pages; the key itself is never kept here. */
import { createStore } from "../state/store.ts";
import type { ApiScope, SessionBody } from "./types.ts";

interface Session {
  state: "unknown" | "in" | "out";
  who: SessionBody | null;
  csrfToken: string | null;
  /** The last request found no server. */
  isAway: boolean;
}

export const session = createStore<Session>({
  state: "unknown",
  who: null,
  csrfToken: null,
  isAway: false,
});

/** Remember who is signed in. */
export function signedIn(who: SessionBody): void {
  session.set({ state: "in", who, csrfToken: who.csrf_token });
}

/** Return whether the person may do what needs a scope. */
export function may(scope: ApiScope): boolean {
  return session.get().who?.scopes.includes(scope) ?? false;
}
