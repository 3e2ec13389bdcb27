/** What a question asks: the parts of its data that pages show. */
import { isObject } from "../api/client.ts";
import type { InterruptBody } from "../api/types.ts";
import { propertiesOf, requiredOf, type Schema } from "./schema.ts";

export interface Question {
  title: string;
  instructions: string;
  data: unknown;
  assignee: string | null;
  role: string | null;
  /** One of these is chosen, by a button; none if there is only a form. */
  choices: string[];
  /** The form without the choice; null if the choice is all. */
  form: Schema | null;
}

export function questionOf(task: InterruptBody): Question {
  const { title, instructions, data, assignee, role, schema } = task.data;
  const whole = isObject(schema) ? schema : {};
  const choices = choicesOf(whole);
  return {
    title: textOf(title) || task.node_id,
    instructions: textOf(instructions),
    data,
    assignee: textOf(assignee) || null,
    role: textOf(role) || null,
    choices,
    form: formOf(whole, choices),
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

function choicesOf(schema: Schema): string[] {
  const choice = Object.fromEntries(propertiesOf(schema))["choice"];
  const found = choice?.["enum"];
  const isNeeded = requiredOf(schema).has("choice");
  return isNeeded && Array.isArray(found) ? found.map(String) : [];
}

function formOf(schema: Schema, choices: string[]): Schema | null {
  if (choices.length === 0) return schema;
  const fields = propertiesOf(schema).filter(([name]) => name !== "choice");
  if (fields.length === 0) return null;
  const required = [...requiredOf(schema)].filter((name) => name !== "choice");
  return { ...schema, properties: Object.fromEntries(fields), required };
}
