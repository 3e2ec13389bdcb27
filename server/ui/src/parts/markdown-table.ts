/** Tables in Markdown, as GitHub writes them: rows of cells between `|`. */

export type Align = "left" | "center" | "right" | undefined;

export interface TextTable {
  /** The lines before the table, which are a paragraph of their own. */
  before: string;
  head: string[];
  aligns: Align[];
  rows: string[][];
}

const RULE = /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?$/;

/** Return the table in the text of a paragraph; null if there is none. */
export function tableIn(paragraph: string): TextTable | null {
  const lines = paragraph.split("\n").map((each) => each.trim());
  for (let at = 1; at < lines.length; at += 1) {
    const rule = lines[at] ?? "";
    if (!rule.includes("|") || !RULE.test(rule)) continue;
    const head = cellsOf(lines[at - 1] ?? "");
    const aligns = cellsOf(rule).map(alignOf);
    if (head.length !== aligns.length) continue;
    const rows = lines.slice(at + 1).map((line) => fitted(cellsOf(line), head.length));
    return { before: lines.slice(0, at - 1).join("\n"), head, aligns, rows };
  }
  return null;
}

/** Return the cells of a line; `\|` is a character of a cell. */
function cellsOf(line: string): string[] {
  const cells = line
    .replace(/^\|/, "")
    .split(/(?<!\\)\|/)
    .map((each) => each.trim().replaceAll("\\|", "|"));
  if (cells.length > 1 && cells.at(-1) === "") cells.pop();
  return cells;
}

const alignOf = (cell: string): Align => {
  if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "right";
  return cell.startsWith(":") ? "left" : undefined;
};

const fitted = (cells: string[], count: number): string[] =>
  Array.from({ length: count }, (_, at) => cells[at] ?? "");
