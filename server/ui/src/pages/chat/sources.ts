/** The passages that an answer can cite: found in the outputs of its run. */
import { get, isObject, part } from "../../api/client.ts";
import type { Run } from "../../api/types.ts";

export interface Passage {
  number: number;
  text: string;
  source: string;
  page: number | null;
  headings: string[];
}

const DEEPEST = 4;

/** Return the passages of a run: those in its output, or else those that a node found. */
export async function passagesOf(runId: string): Promise<Passage[]> {
  const run = await get<Run>(`/runs/${part(runId)}`);
  const own = passagesIn(run.output, 0);
  if (own.length > 0) return own;
  for (const node of Object.values(run.nodes)) {
    const found = passagesIn(node.output, 0);
    if (found.length > 0) return found;
  }
  return [];
}

function passagesIn(value: unknown, depth: number): Passage[] {
  if (depth > DEEPEST) return [];
  if (Array.isArray(value) && value.length > 0 && value.every(isPassage)) return value.map(read);
  const inside = isObject(value) ? Object.values(value) : [];
  for (const each of inside) {
    const found = passagesIn(each, depth + 1);
    if (found.length > 0) return found;
  }
  return [];
}

const isPassage = (value: unknown): value is Record<string, unknown> =>
  isObject(value) && typeof value["text"] === "string" && typeof value["source"] === "string";

function read(value: Record<string, unknown>, index: number): Passage {
  const { number, text, source, page, headings } = value;
  return {
    number: typeof number === "number" ? number : index + 1,
    text: String(text),
    source: String(source),
    page: typeof page === "number" ? page : null,
    headings: Array.isArray(headings) ? headings.map(String) : [],
  };
}
