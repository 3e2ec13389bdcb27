/** The executions of a run over time: a bar for each, with its attempts, and what it waited. */
import { useMemo, useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { words } from "#words/words.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { Empty } from "../parts/notices.tsx";
import { Table } from "../parts/table.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useInterval } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { formatDuration, formatMoment } from "../words/format.ts";
import { type Execution, isAtWork, turnOf } from "./executions.ts";
import { StateBadge } from "./run-graph.tsx";
import type { RunModel } from "./run-store.ts";

const ZOOMS = [1, 2, 4, 8, 16, 32, 64];
const ROW = 30;
const said = runViewWords.timeline;

export function Timeline(properties: {
  model: RunModel;
  /** Number of the chosen execution. */
  chosen: number | null;
  onChoose(name: string, number: number): void;
}) {
  const view = useStore(properties.model.store, (value) => value.view);
  const started = useMemo(
    () => view.executions.filter((each) => each.spans.length > 0),
    [view.executions],
  );
  const now = useNow(started.some(isAtWork));
  const [zoom, setZoom] = useState(0);
  const times = ZOOMS[zoom] ?? 1;
  if (started.length === 0) return <Empty title={said.empty} />;
  const [from, to] = boundsOf(started, now);
  const chosen = started.findIndex((each) => each.number === properties.chosen);
  return (
    <section className="stack">
      <div className="row">
        <IconButton
          label={said.zoomOut}
          disabled={zoom === 0}
          onClick={() => setZoom((old) => old - 1)}
        >
          −
        </IconButton>
        <span className="number">{said.zoom(times)}</span>
        <IconButton
          label={said.zoomIn}
          disabled={zoom === ZOOMS.length - 1}
          onClick={() => setZoom((old) => old + 1)}
        >
          +
        </IconButton>
        <Button disabled={zoom === 0} onClick={() => setZoom(0)}>
          {said.fit}
        </Button>
        <Legend />
      </div>
      <VirtualList
        label={said.label}
        count={started.length}
        rowHeight={ROW}
        rows={18}
        width={`max(100%, calc(14rem + (100% - 14rem) * ${times}))`}
        chosen={chosen >= 0 ? chosen : null}
        onChoose={(index) => {
          const each = started[index];
          if (each) properties.onChoose(each.name, each.number);
        }}
        keyOf={(index) => started[index]?.number ?? index}
        row={(index) => {
          const each = started[index];
          return each && <Row execution={each} from={from} to={to} now={now} />;
        }}
      />
      <p className="hint">
        {said.shows(formatMoment(new Date(from).toISOString()), formatDuration(to - from))}
      </p>
      <AsTable executions={started} now={now} />
    </section>
  );
}

function Row(properties: { execution: Execution; from: number; to: number; now: number }) {
  const { execution, from, to, now } = properties;
  const turn = turnOf(execution.path);
  const whole = Math.max(1, to - from);
  const percent = (moment: number) => ((moment - from) / whole) * 100;
  return (
    <div className="bar-row">
      <span className="bar-name">
        <span className="hidden">{spoken(execution, from, now)}</span>
        <span aria-hidden="true">
          {execution.name} {turn && <span className="faint">#{turn}</span>}
        </span>
      </span>
      <svg className={`bars ${execution.state}`} aria-hidden="true">
        {execution.spans.map((span) => {
          const start = percent(span.from);
          const width = Math.max(0, percent(Math.min(span.to ?? now, to)) - start);
          return (
            <rect
              key={`${span.kind}-${span.from}`}
              className={span.kind}
              x={`${start}%`}
              // What takes no time is seen, too.
              width={width < 0.2 ? "3" : `${width}%`}
              y={span.kind === "delay" ? "13" : "7"}
              height={span.kind === "delay" ? "4" : "16"}
              rx="2"
              fill={span.kind === "wait" ? "url(#waiting)" : undefined}
            />
          );
        })}
      </svg>
    </div>
  );
}

function Legend() {
  return (
    <span className="legend faint">
      <svg width="0" height="0" aria-hidden="true">
        <defs>
          <pattern id="waiting" width="6" height="6" patternUnits="userSpaceOnUse">
            <rect className="wait-ground" width="6" height="6" />
            <path className="wait-line" d="M-1 7 L7 -1 M-1 1 L1 -1 M5 7 L7 5" />
          </pattern>
        </defs>
      </svg>
      {(["work", "wait", "delay"] as const).map((kind) => (
        <span key={kind}>
          <svg className="bars swatch running" aria-hidden="true">
            <rect
              className={kind}
              width="24"
              y={kind === "delay" ? "6" : "2"}
              height={kind === "delay" ? "4" : "12"}
              rx="2"
              fill={kind === "wait" ? "url(#waiting)" : undefined}
            />
          </svg>{" "}
          {said.legend[kind]}
        </span>
      ))}
    </span>
  );
}

function AsTable({ executions, now }: { executions: Execution[]; now: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{said.table}</summary>
      {isOpen && (
        <Table
          caption={said.label}
          items={executions}
          keyOf={(each) => String(each.number)}
          columns={[
            { name: runViewWords.node, cell: (each) => `${each.name} ${hash(turnOf(each.path))}` },
            { name: runViewWords.facts.status, cell: (each) => <StateBadge state={each.state} /> },
            { name: said.from, cell: (each) => each.startedAt && formatMoment(each.startedAt) },
            {
              name: runViewWords.facts.duration,
              isNumber: true,
              cell: (each) => formatDuration(lengthOf(each, now)),
            },
            {
              name: runViewWords.details.attempts,
              isNumber: true,
              cell: (each) => each.failedAttempts.length,
            },
          ]}
        />
      )}
    </details>
  );
}

const hash = (turn: string) => (turn ? `#${turn}` : "");

function spoken(each: Execution, from: number, now: number): string {
  const states: Record<string, string> = words.status;
  const turn = turnOf(each.path);
  const name = turn ? `${each.name} ${runViewWords.turn(turn)}` : each.name;
  const start = each.spans[0]?.from ?? from;
  const length = formatDuration(lengthOf(each, now));
  return said.bar(name, states[each.state] ?? each.state, length, formatDuration(start - from));
}

function lengthOf(each: Execution, now: number): number {
  const start = each.spans[0]?.from ?? now;
  return Math.max(0, (each.spans.at(-1)?.to ?? now) - start);
}

function boundsOf(executions: readonly Execution[], now: number): [number, number] {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const each of executions) {
    from = Math.min(from, each.spans[0]?.from ?? from);
    to = Math.max(to, each.spans.at(-1)?.to ?? now);
  }
  // A little room, so that the last bar is not cut off.
  return [from, Math.max(to, from + 1) + (to - from) * 0.01];
}

/** Return the time, once a second while something lasts. */
function useNow(isOn: boolean): number {
  const [now, setNow] = useState(Date.now());
  useInterval(() => setNow(Date.now()), 1_000, isOn);
  return Math.max(now, isOn ? Date.now() : 0);
}
