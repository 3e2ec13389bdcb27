/** Follows streams of events (SSE). */
import { address, part, type Query } from "./client.ts";
import type { EventKind, RunEvent } from "./types.ts";

/** An event of a stream over all runs says which run it is about. */
export type AnyEvent = RunEvent & { run_id?: string; workflow_id?: string | null };

export interface Stream {
  close(): void;
}

interface Listener {
  event(event: AnyEvent): void;
  /** Whether the connection is there; browsers connect again by themselves. */
  connected?(isConnected: boolean): void;
  /** The server has no more events. */
  ended?(): void;
}

// A browser hands events over by their names only.
const KINDS: Record<EventKind, true> = {
  "run.created": true,
  "run.started": true,
  "run.resumed": true,
  "run.waiting": true,
  "run.paused": true,
  "run.breakpoints": true,
  "run.completed": true,
  "run.failed": true,
  "run.cancelled": true,
  "run.used": true,
  "run.changed": true,
  "interrupt.answered": true,
  "node.started": true,
  "node.retrying": true,
  "node.used": true,
  "node.waiting": true,
  "node.completed": true,
  "node.failed": true,
  "node.cancelled": true,
  "node.skipped": true,
  "node.said": true,
};
const ENDS = new Set<EventKind>(["run.completed", "run.failed", "run.cancelled"]);

/** Follow the events of a run; those after `after`, a number, come first. */
export function followRun(runId: string, listener: Listener, after = 0): Stream {
  return follow(`/runs/${part(runId)}/events`, { after }, listener, true);
}

/** Follow the events of all runs of the tenant, or of one workflow, from now on. */
export function followAll(query: Query, listener: Listener): Stream {
  return follow("/events", query, listener, false);
}

function follow(path: string, query: Query, listener: Listener, endsWithRun: boolean): Stream {
  const source = new EventSource(address(path, query));
  const take = (message: MessageEvent<string>) => {
    const event = JSON.parse(message.data) as AnyEvent;
    listener.event(event);
    if (endsWithRun && ENDS.has(event.kind)) {
      source.close();
      listener.ended?.();
    }
  };
  for (const kind of Object.keys(KINDS)) source.addEventListener(kind, take);
  source.onopen = () => listener.connected?.(true);
  source.onerror = () => {
    listener.connected?.(false);
    if (source.readyState === EventSource.CLOSED) listener.ended?.();
  };
  return { close: () => source.close() };
}
