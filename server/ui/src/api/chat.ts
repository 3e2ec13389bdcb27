/** Sends a message to a workflow, and reads its answer as it comes. */
import { ApiError, part, send } from "./client.ts";
import type { ChatRequest } from "./types.ts";

export type ChatEvent =
  | { kind: "thread"; data: { thread_id: string; run_id: string } }
  | { kind: "token"; data: { text: string } }
  | { kind: "thought" | "tool_call" | "tool_result"; data: unknown }
  | { kind: "message"; data: { text: string; output: unknown } }
  | { kind: "question"; data: { id: string; text: string; data: Record<string, unknown> } }
  | { kind: "error"; data: { code: string; message?: string } };

const LAST = new Set(["message", "question", "error"]);

/** Yield the events of an answer; raise ApiError if it is refused or its connection is lost. */
export async function* chatWith(
  workflowId: string,
  body: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const path = `/workflows/${part(workflowId)}/chat`;
  const response = await send("POST", path, { body, signal });
  let isOver = false;
  for await (const [kind, data] of messagesOf(response)) {
    isOver = LAST.has(kind);
    yield { kind, data: JSON.parse(data) } as ChatEvent;
  }
  if (!isOver) throw new ApiError(0, "connection-lost", "The connection was lost.");
}

/** Yield the kind and the data of each message of a stream of server-sent events. */
async function* messagesOf(response: Response): AsyncGenerator<[string, string]> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = (await reader?.read().catch(lost)) ?? { done: true, value: "" };
    if (done) return;
    const blocks = `${rest}${value}`.replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const kind = lineOf(lines, "event: ");
      if (kind) yield [kind, lineOf(lines, "data: ")];
    }
  }
}

const lineOf = (lines: string[], name: string): string =>
  lines.find((line) => line.startsWith(name))?.slice(name.length) ?? "";

function lost(error: unknown): never {
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  throw new ApiError(0, "connection-lost", "The connection was lost.");
}
