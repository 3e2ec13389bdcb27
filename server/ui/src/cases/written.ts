/** A case as it is written in the form: each part is a text in YAML. */
import { parse, stringify } from "yaml";
import { isObject } from "../api/client.ts";
import type { Case, Expected, StoredCase } from "../api/types.ts";

export const PARTS = ["input", "mocks", "answers", "signals", "expect"] as const;
export type Part = (typeof PARTS)[number];

export interface WrittenCase {
  name: string;
  parts: Record<Part, string>;
  /** What has no field of its own, such as `clock`. */
  rest: Partial<Case>;
}

export const EMPTY_CASE: WrittenCase = written({
  name: "",
  input: {},
  expect: { status: "completed" },
});

/** Return a case as it is shown in the form. */
export function written(given: Case | StoredCase): WrittenCase {
  const { name, input, mocks, answers, signals, expect, ...others } = given;
  const { last_result: _, ...rest } = others as Partial<StoredCase>;
  const text = (value: unknown) =>
    isObject(value) && Object.keys(value).length > 0
      ? stringify(value, { lineWidth: 0 }).trimEnd()
      : "";
  return {
    name,
    parts: {
      input: text(input),
      mocks: text(mocks),
      answers: text(answers),
      signals: text(signals),
      expect: text(expect),
    },
    rest,
  };
}

/** Return the case that a form describes, or the parts that are not YAML of an object. */
export function read(given: WrittenCase): { case: Case } | { broken: Part[] } {
  const values: Partial<Record<Part, Record<string, unknown>>> = {};
  const broken: Part[] = [];
  for (const name of PARTS) {
    const value = objectIn(given.parts[name]);
    if (value === null) broken.push(name);
    else if (Object.keys(value).length > 0) values[name] = value;
  }
  if (broken.length > 0) return { broken };
  const { expect = {}, ...others } = values;
  return {
    case: { name: given.name, ...given.rest, ...others, expect: expect as Expected } as Case,
  };
}

function objectIn(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return {};
  try {
    const value: unknown = parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
