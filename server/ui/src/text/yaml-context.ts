/** Where a cursor is in a YAML text: on a key, in a value, or inside of an expression. */

export interface Place {
  kind: "key" | "value" | "expression";
  /** What is written of the word so far, and where it begins. */
  word: string;
  from: number;
  /** The key whose value this is. */
  key: string | null;
}

/** Return what is being written at a cursor. */
export function placeAt(text: string, cursor: number): Place {
  const start = text.lastIndexOf("\n", cursor - 1) + 1;
  const line = text.slice(start, cursor);
  const opened = text.lastIndexOf("{{", cursor);
  const closed = text.lastIndexOf("}}", cursor - 1);
  if (opened >= 0 && opened > closed && cursor - opened < 500) {
    const word = /[\w.[\]'"-]*$/.exec(text.slice(opened + 2, cursor))?.[0] ?? "";
    return { kind: "expression", word, from: cursor - word.length, key: null };
  }
  const flow = /[{,]\s*([\w-]*)$/.exec(line);
  if (flow && line.includes("{")) {
    return { kind: "key", word: flow[1] ?? "", from: cursor - (flow[1] ?? "").length, key: null };
  }
  const value = /([\w-]+)["']?:\s+["']?([^\s"'{},]*)$/.exec(line);
  if (value) {
    const word = value[2] ?? "";
    return { kind: "value", word, from: cursor - word.length, key: value[1] ?? null };
  }
  const word = /[\w-]*$/.exec(line)?.[0] ?? "";
  return { kind: "key", word, from: cursor - word.length, key: null };
}
