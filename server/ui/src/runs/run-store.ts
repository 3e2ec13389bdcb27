/** Loads a run, and follows it: events are drawn once a frame, and continue by number. */
import { ApiError, get, part } from "../api/client.ts";
import { followRun, type Stream } from "../api/events.ts";
import type { EventPage, GraphBody, Run, RunEvent } from "../api/types.ts";
import { createStore, type Store } from "../state/store.ts";
import { cutEvent, MOST_BYTES } from "./cut.ts";
import { ENDED, NO_EVENTS, type RunView, withEvents } from "./run-model.ts";

interface Shown {
  /** As it was when it was loaded last; what events change is in `view`. */
  run: Run | null;
  view: RunView;
  graph: GraphBody | null;
  connection: "loading" | "live" | "reconnecting" | "ended";
  error: unknown;
}

/** A run that components show; `close` ends the connection. */
export interface RunModel {
  id: string;
  store: Store<Shown>;
  /** Load the run again, and follow it if it goes on. */
  refresh(): Promise<void>;
  close(): void;
}

const PAGE = 1_000;
const AGAIN_MS = 1_500;

/** Load a run and follow it until it ends, or the model is closed. */
export function openRun(id: string): RunModel {
  const store = createStore<Shown>({
    run: null,
    view: NO_EVENTS,
    graph: null,
    connection: "loading",
    error: undefined,
  });
  const path = `/runs/${part(id)}`;
  let stream: Stream | null = null;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const batch = batched((events) => apply(store, events));

  const loadRun = async () => {
    const run = await get<Run>(path, { nodes: "summary", truncate: MOST_BYTES });
    if (!isClosed) store.set({ run, error: undefined });
  };
  const loadEvents = async () => {
    for (;;) {
      const after = store.get().view.last;
      const page = await get<EventPage>(`${path}/logs`, {
        after,
        limit: PAGE,
        truncate: MOST_BYTES,
      });
      if (isClosed) return;
      apply(store, page.events);
      if (page.events.length < PAGE) return;
    }
  };
  const follow = () => {
    stream?.close();
    if (isClosed) return;
    if (ENDED.has(store.get().view.status)) {
      store.set({ connection: "ended" });
      return;
    }
    stream = followRun(
      id,
      {
        event: (event) => batch.add(cutEvent(event)),
        connected: (isThere) => store.set({ connection: isThere ? "live" : "reconnecting" }),
        ended: () => void stopped(),
      },
      store.get().view.last,
    );
  };
  const stopped = async () => {
    batch.flush();
    stream = null;
    if (!ENDED.has(store.get().view.status)) later(refresh);
    else {
      store.set({ connection: "ended" });
      await refresh();
      // What was at work when the run was ended says a moment later what it has used.
      later(loadEvents, () => undefined);
    }
  };
  const later = (act: () => Promise<void>, failed: (error: unknown) => void = lost) => {
    clearTimeout(timer);
    timer = setTimeout(() => act().catch(failed), AGAIN_MS);
  };
  const lost = (error: unknown) => {
    if (isClosed) return;
    const isAway = error instanceof ApiError && (error.status === 0 || error.status >= 500);
    if (isAway) {
      store.set({ connection: "reconnecting" });
      later(refresh);
    } else store.set({ error, connection: "ended" });
  };
  const refresh = async () => {
    try {
      await Promise.all([loadRun(), loadEvents()]);
      if (!isClosed && (!stream || ENDED.has(store.get().view.status))) follow();
    } catch (error) {
      lost(error);
    }
  };
  const start = async () => {
    await refresh();
    await get<GraphBody>(`${path}/graph`)
      .then((graph) => store.set({ graph }))
      .catch(() => undefined);
  };
  void start();
  return {
    id,
    store,
    refresh,
    close() {
      isClosed = true;
      clearTimeout(timer);
      stream?.close();
      batch.flush();
    },
  };
}

function apply(store: Store<Shown>, events: readonly RunEvent[]): void {
  const view = withEvents(store.get().view, events);
  if (view !== store.get().view) store.set({ view });
}

/** Collect events, and hand over those of one frame together. */
function batched(take: (events: RunEvent[]) => void): {
  add(event: RunEvent): void;
  flush(): void;
} {
  let waiting: RunEvent[] = [];
  let isAsked = false;
  const flush = () => {
    isAsked = false;
    const events = waiting;
    waiting = [];
    if (events.length > 0) take(events);
  };
  return {
    add(event) {
      waiting.push(event);
      if (isAsked) return;
      isAsked = true;
      // A page that cannot be seen has no frames.
      if (document.visibilityState === "visible") requestAnimationFrame(flush);
      else setTimeout(flush, 200);
    },
    flush,
  };
}
