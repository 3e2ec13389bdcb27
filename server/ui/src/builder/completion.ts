/** What may be written at the cursor: node types, fields of a type, ids, and names in scope. */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { get, part, post } from "../api/client.ts";
import type { CheckBody, NodeTypeBody, NodeTypeDetails } from "../api/types.ts";
import { nodesOf } from "../canvas/drawn.ts";
import { placeAt } from "../text/yaml-context.ts";
import { type Builder, pathAt } from "./model.ts";

const OPTIONS = [
  "id",
  "type",
  "name",
  "description",
  "config",
  "depends_on",
  "retry",
  "timeout",
  "on_error",
  "cache",
  "join",
  "disabled",
];
const TOP = ["name", "description", "input", "output", "variables", "settings", "nodes", "edges"];
const REFERENCES = new Set([
  "source",
  "target",
  "true_edge",
  "false_edge",
  "default",
  "depends_on",
]);

const types = new Map<string, Promise<NodeTypeDetails>>();
let listed: Promise<NodeTypeBody[]> | undefined;

/** Return all node types; they are asked for once. */
export function nodeTypes(): Promise<NodeTypeBody[]> {
  listed ??= get<NodeTypeBody[]>("/nodes").catch((error: unknown) => {
    listed = undefined;
    throw error;
  });
  return listed;
}

/** Return a node type with its schema; it is asked for once. */
export function nodeType(word: string): Promise<NodeTypeDetails> {
  let found = types.get(word);
  if (!found) {
    found = get<NodeTypeDetails>(`/nodes/${part(word)}`);
    found.catch(() => types.delete(word));
    types.set(word, found);
  }
  return found;
}

/** Return the completions of a builder's text. */
export function completions(builder: Builder) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const text = context.state.doc.toString();
    const place = placeAt(text, context.pos);
    if (!context.explicit && place.word === "" && place.kind !== "expression") return null;
    const options = await optionsAt(builder, text, context.pos, place);
    const validFor = place.kind === "expression" ? /^[\w.[\]'"-]*$/ : /^[\w-]*$/;
    return options.length === 0 ? null : { from: place.from, options, validFor };
  };
}

async function optionsAt(
  builder: Builder,
  text: string,
  cursor: number,
  place: ReturnType<typeof placeAt>,
): Promise<Completion[]> {
  if (place.kind === "expression") return namesAt(builder, text, cursor);
  if (place.key === "type") {
    return (await nodeTypes()).map((each) => ({
      label: each.type,
      detail: each.summary,
      type: "class",
    }));
  }
  if (place.kind === "value") {
    if (!REFERENCES.has(place.key ?? "")) return [];
    const graph = builder.store.get().graph;
    return graph ? [...nodesOf(graph)].map((node) => ({ label: node.id, detail: node.type })) : [];
  }
  return keysAt(builder, cursor);
}

async function keysAt(builder: Builder, cursor: number): Promise<Completion[]> {
  const state = builder.store.get();
  const path = lastPathAt(builder, cursor);
  const node = state.graph && [...nodesOf(state.graph)].find((each) => each.path === path);
  if (!node) return TOP.map((label) => ({ label, type: "property", apply: `${label}: ` }));
  const options = OPTIONS.map((label) => ({ label, type: "keyword", apply: `${label}: ` }));
  const details = await nodeType(node.type).catch(() => null);
  const fields = (details?.config_schema["properties"] ?? {}) as Record<
    string,
    { description?: string }
  >;
  const own = Object.entries(fields).map(([label, field]) => ({
    label,
    type: "property",
    apply: `${label}: `,
    boost: 1,
    ...(field.description && { info: field.description }),
  }));
  return [...own, ...options];
}

/** Return the names that the node at the cursor can read, as the server says them. */
async function namesAt(builder: Builder, text: string, cursor: number): Promise<Completion[]> {
  const { stored } = builder.store.get();
  const path = lastPathAt(builder, cursor);
  if (path === null) return [];
  const check = await post<CheckBody>("/workflows/check", {
    source: text,
    format: stored.format,
    id: builder.id,
    names_at: path,
  }).catch(() => null);
  return (check?.names ?? []).map((each) => ({
    label: each.name,
    type: "variable",
    ...(each.type && { detail: each.type }),
    ...(each.description && { info: each.description }),
  }));
}

/** While a text is typed, the node is the one that was selected by the cursor before. */
function lastPathAt(builder: Builder, cursor: number): string | null {
  const state = builder.store.get();
  return pathAt(state, cursor) ?? state.selection.at(-1) ?? null;
}
