/** A conversation as it is stored, and where its last run stands. */
import { get, part } from "../../api/client.ts";
import type { InterruptBody, MessageBody, Run } from "../../api/types.ts";

export interface Thread {
  messages: MessageBody[];
  /** The run of the last message, if there is one. */
  run: Run | null;
  /** What that run asks. */
  question: InterruptBody | null;
}

const MOST = 1_000;
const EMPTY: Thread = { messages: [], run: null, question: null };

export async function readThread(id: string | null, signal: AbortSignal): Promise<Thread> {
  if (id === null) return EMPTY;
  const path = `/threads/${part(id)}/messages`;
  const messages = await get<MessageBody[]>(path, { limit: MOST }, signal);
  const runId = messages.at(-1)?.run_id;
  if (!runId) return { ...EMPTY, messages };
  const run = await get<Run>(`/runs/${part(runId)}`, { truncate: 1_000 }, signal);
  const asked = { kind: "human", run_id: runId };
  const [question = null] =
    run.status === "waiting" ? await get<InterruptBody[]>("/interrupts", asked, signal) : [];
  return { messages, run, question };
}

/** Return whether the last message has no answer yet, and its run is at work. */
export function isAtWork({ messages, run, question }: Thread): boolean {
  const isUnanswered = messages.at(-1)?.role === "user";
  const ended = ["completed", "failed", "cancelled"];
  return isUnanswered && run !== null && !question && !ended.includes(run.status);
}
