/** What lists show of a question, and of its answer. */
import { isObject } from "../api/client.ts";
import type { InterruptBody } from "../api/types.ts";

export interface QuestionHead {
  title: string;
  assignee: string | null;
  role: string | null;
}

export function headOf(task: InterruptBody): QuestionHead {
  const { title, assignee, role } = task.data;
  return {
    title: textOf(title) || task.node_id,
    assignee: textOf(assignee) || null,
    role: textOf(role) || null,
  };
}

/** Return an answer in one line: its choice, and the other fields after it. */
export function decisionOf(answer: unknown): string {
  if (!isObject(answer)) return answer === null ? "–" : String(answer);
  const { choice, ...fields } = answer;
  const rest = Object.entries(fields).map(([name, value]) => `${name}: ${written(value)}`);
  return [...(choice === undefined ? [] : [written(choice)]), ...rest].join(", ") || "–";
}

const written = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
