/** What a question asks: the parts of its data that pages show. */
import { isObject } from "../api/client.ts";
import type { InterruptBody } from "../api/types.ts";
import { headOf, type QuestionHead } from "./question-head.ts";
import { propertiesOf, requiredOf, type Schema } from "./schema.ts";

export interface Question extends QuestionHead {
  instructions: string;
  data: unknown;
  /** One of these is chosen, by a button; none if there is only a form. */
  choices: string[];
  /** The form without the choice; null if the choice is all. */
  form: Schema | null;
}

export function questionOf(task: InterruptBody): Question {
  const { instructions, data, schema } = task.data;
  const whole = isObject(schema) ? schema : {};
  const choices = choicesOf(whole);
  return {
    ...headOf(task),
    instructions: typeof instructions === "string" ? instructions : "",
    data,
    choices,
    form: formOf(whole, choices),
  };
}

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
