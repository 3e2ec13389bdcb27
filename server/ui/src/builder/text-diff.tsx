/** What changes in a text, line by line, with a few lines around each change. */
import { useMemo } from "react";
import { builderWords } from "#words/builder.ts";
import { words } from "#words/words.ts";
import { type DiffRow, unified } from "../text/line-diff.ts";

export default function TextDiff({ before, after }: { before: string; after: string }) {
  const rows = useMemo(() => unified(before, after), [before, after]);
  if (rows.length === 0) {
    return (
      <p>
        {builderWords.textChanges}: {words.common.none}
      </p>
    );
  }
  return (
    <section aria-label={builderWords.textChanges}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre className="block text-diff" tabIndex={0}>
        {rows.map((row) => (
          <Row key={`${row.kind} ${row.left} ${row.right}`} row={row} />
        ))}
      </pre>
    </section>
  );
}

function Row({ row }: { row: DiffRow }) {
  if (row.kind === "gap") {
    return <span className="faint">{`${builderWords.equalLines(row.count)}\n`}</span>;
  }
  const number = String(row.kind === "added" ? row.right : row.left).padStart(4);
  const text = `${row.text}\n`;
  if (row.kind === "same") return `${number}   ${text}`;
  const Line = row.kind === "added" ? "ins" : "del";
  return (
    <Line>
      <span className="hidden">{builderWords.kinds[row.kind]}: </span>
      {`${number} ${row.kind === "added" ? "+" : "−"} ${text}`}
    </Line>
  );
}
