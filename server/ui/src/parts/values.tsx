/** Times, statuses and values of runs, as people read them. */
import { useState } from "react";
import { words } from "#words/words.ts";
import { formatAgo, formatBytes, formatDuration, formatMoment } from "../words/format.ts";
import { Button } from "./buttons.tsx";

/** How long ago something was; the moment itself is under the pointer. */
export function Ago({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="faint">–</span>;
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAgo(at)}
    </time>
  );
}

/** The time between two moments; until now without the second. */
export function Duration({ from, to }: { from: string | null; to: string | null }) {
  if (!from) return <span className="faint">–</span>;
  const end = to ? Date.parse(to) : Date.now();
  return <span className="number">{formatDuration(Math.max(0, end - Date.parse(from)))}</span>;
}

const MARKS: Record<string, string> = {
  pending: "○",
  running: "▶",
  completed: "✓",
  failed: "✕",
  cancelled: "⊘",
  paused: "❙❙",
  waiting: "◔",
  skipped: "↷",
  retrying: "↻",
};

/** A status, by sign, word and colour. */
export function StatusBadge({ status }: { status: string }) {
  const names: Record<string, string> = words.status;
  return (
    <span className={`status ${status}`}>
      <span aria-hidden="true">{MARKS[status] ?? "?"}</span> {names[status] ?? status}
    </span>
  );
}

// Longer texts make a page slow; the rest is shown when it is asked for.
const MOST = 20_000;

/** A value of a run as JSON, or a text as it is; it never becomes markup. */
export function Value({ value, label }: { value: unknown; label?: string }) {
  const [isWhole, setWhole] = useState(false);
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "null");
  const isCut = text.length > MOST && !isWhole;
  return (
    <section className="value" aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre tabIndex={0}>{isCut ? text.slice(0, MOST) : text}</pre>
      {text.length > MOST && (
        <p className="hint">
          {isCut && words.common.cut(formatBytes(MOST), formatBytes(text.length))}{" "}
          <Button onClick={() => setWhole(!isWhole)}>
            {isCut ? words.common.showAll : words.common.showLess}
          </Button>
        </p>
      )}
    </section>
  );
}
