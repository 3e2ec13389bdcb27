/** One message and its answer, while it comes. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type ChatEvent, chatWith } from "../../api/chat.ts";
import { part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { ChatRequest } from "../../api/types.ts";

export interface LiveTurn {
  message: string;
  text: string;
  steps: { kind: string; data: unknown }[];
  runId: string | null;
}

export interface Turns {
  live: LiveTurn | null;
  /** Send a message; it returns when the answer is there, and raises what went wrong. */
  send(body: ChatRequest): Promise<void>;
  /** Cancel the run, as soon as it has a name, and do not wait for its answer. */
  stop(): Promise<void>;
  /** Show the turn no more: it is stored. */
  end(): void;
}

export function useTurns(workflowId: string): Turns {
  const [live, setLive] = useState<LiveTurn | null>(null);
  const latest = useRef<LiveTurn | null>(null);
  const connection = useRef<AbortController | null>(null);
  const isStopped = useRef(false);
  const show = useCallback((turn: LiveTurn | null) => {
    latest.current = turn;
    setLive(turn);
  }, []);
  // Whoever leaves the page finds the answer when they come back.
  useEffect(() => () => connection.current?.abort(), []);
  const send = async (body: ChatRequest) => {
    const control = new AbortController();
    connection.current = control;
    isStopped.current = false;
    let turn: LiveTurn = { message: body.message, text: "", steps: [], runId: null };
    show(turn);
    // Who may not cancel runs stops one by hanging up.
    const wanted: ChatRequest = {
      on_disconnect: may("runs:control") ? "continue" : "cancel",
      ...body,
    };
    try {
      for await (const event of chatWith(workflowId, wanted, control.signal)) {
        turn = after(turn, event);
        show(turn);
        if (isStopped.current) await cancel(turn.runId);
      }
    } catch (error) {
      if (!control.signal.aborted) throw error;
    }
  };
  const cancel = async (runId: string | null) => {
    if (!runId) return;
    await post(`/runs/${part(runId)}/cancel`, {});
    connection.current?.abort();
  };
  const stop = async () => {
    isStopped.current = true;
    if (may("runs:control")) await cancel(latest.current?.runId ?? null);
    else connection.current?.abort();
  };
  return { live, send, stop, end: useCallback(() => show(null), [show]) };
}

function after(turn: LiveTurn, event: ChatEvent): LiveTurn {
  switch (event.kind) {
    case "thread":
      return { ...turn, runId: event.data.run_id };
    case "token":
      return { ...turn, text: turn.text + event.data.text };
    case "thought":
      // What was streamed was the thought, and is no part of the answer.
      return { ...turn, text: "", steps: [...turn.steps, event] };
    case "tool_call":
    case "tool_result":
      return { ...turn, steps: [...turn.steps, event] };
    default:
      return turn;
  }
}
