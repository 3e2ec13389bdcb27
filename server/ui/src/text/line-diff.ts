/** Two texts side by side: which lines only one of them has. */

export interface SideLine {
  text: string;
  isOwn: boolean;
}

// Above this many pairs of lines, only the equal beginning and end are found.
const MOST = 4_000_000;

/** Return the lines of both texts, with those marked that the other does not have. */
export function linesDiffer(left: string, right: string): [SideLine[], SideLine[]] {
  const [a, b] = [left.split("\n"), right.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) {
    end += 1;
  }
  const [keptLeft, keptRight] = common(
    a.slice(start, a.length - end),
    b.slice(start, b.length - end),
  );
  const marked = (lines: string[], kept: ReadonlySet<number>): SideLine[] =>
    lines.map((text, index) => ({
      text,
      isOwn: index >= start && index < lines.length - end && !kept.has(index - start),
    }));
  return [marked(a, keptLeft), marked(b, keptRight)];
}

/** Return the places of a longest common subsequence in both lists. */
function common(a: string[], b: string[]): [Set<number>, Set<number>] {
  const found: [Set<number>, Set<number>] = [new Set(), new Set()];
  if (a.length * b.length > MOST) return found;
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const here = i * width + j;
      table[here] =
        a[i] === b[j]
          ? (table[here + width + 1] ?? 0) + 1
          : Math.max(table[here + width] ?? 0, table[here + 1] ?? 0);
    }
  }
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found[0].add(i++);
      found[1].add(j++);
    } else if ((table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return found;
}

/** A line of two texts that are shown as one; `left` and `right` are its numbers in both. */
export type DiffRow = { left: number; right: number } & (
  | { kind: "same" | "added" | "removed"; text: string }
  | { kind: "gap"; count: number }
);

const AROUND = 3;

/** Return what differs in two texts, with the lines around it; nothing for equal texts. */
export function unified(before: string, after: string): DiffRow[] {
  const [left, right] = linesDiffer(before, after);
  const rows: DiffRow[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [old, own] = [left[i], right[j]];
    const at = { left: i + 1, right: j + 1 };
    if (old?.isOwn) rows.push({ ...at, kind: "removed", text: left[i++]?.text ?? "" });
    else if (own?.isOwn) rows.push({ ...at, kind: "added", text: right[j++]?.text ?? "" });
    else {
      rows.push({ ...at, kind: "same", text: old?.text ?? "" });
      i += 1;
      j += 1;
    }
  }
  return folded(rows);
}

/** Return rows without the equal ones that are far from each change. */
function folded(rows: DiffRow[]): DiffRow[] {
  const near = new Set<number>();
  rows.forEach((row, at) => {
    if (row.kind === "same") return;
    for (let step = -AROUND; step <= AROUND; step += 1) near.add(at + step);
  });
  if (near.size === 0) return [];
  const shown: DiffRow[] = [];
  rows.forEach((row, at) => {
    const last = shown.at(-1);
    if (near.has(at)) shown.push(row);
    else if (last?.kind === "gap") last.count += 1;
    else shown.push({ left: row.left, right: row.right, kind: "gap", count: 1 });
  });
  return shown;
}
