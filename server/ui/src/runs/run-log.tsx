/** All events of a run, with filters; the list follows its end. */
import { useDeferredValue, useMemo, useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { words } from "#words/words.ts";
import type { RunEvent } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { Empty } from "../parts/notices.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useQuery } from "../shell/router.tsx";
import { useStore } from "../state/store.ts";
import { BigValue, wholeData } from "./big-value.tsx";
import { cutOf } from "./cut.ts";
import { nameOf, turnOf } from "./executions.ts";
import type { RunModel } from "./run-store.ts";

const said = runViewWords.log;
const ROW = 28;
const time = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export function RunLog(properties: {
  model: RunModel;
  onReplayAfter: ((number: number) => void) | null;
}) {
  const events = useStore(properties.model.store, (value) => value.view.events);
  const [query, change] = useQuery();
  const node = query.get("log_node") ?? "";
  const kind = query.get("log_kind") ?? "";
  const text = useDeferredValue(query.get("log_text") ?? "");
  const [number, setNumber] = useState<number | null>(null);
  const names = useMemo(() => [...new Set(events.map(nodeOf).filter(Boolean))].sort(), [events]);
  const kinds = useMemo(() => [...new Set(events.map((each) => each.kind))].sort(), [events]);
  const found = useMemo(() => filtered(events, node, kind, text), [events, node, kind, text]);
  const chosen = found.findIndex((each) => each.number === number);
  const event = found[chosen];
  return (
    <section className="stack">
      <search aria-label={said.filters}>
        <form className="filters" onSubmit={(event) => event.preventDefault()}>
          <Filter
            label={said.node}
            value={node}
            of={names}
            onChange={(value) => change({ log_node: value })}
          />
          <Filter
            label={said.kind}
            value={kind}
            of={kinds}
            onChange={(value) => change({ log_kind: value })}
          />
          <TextField
            label={said.text}
            type="search"
            value={query.get("log_text") ?? ""}
            onChange={(event) => change({ log_text: event.target.value })}
          />
          <span className="faint filters-note">{said.found(found.length, events.length)}</span>
        </form>
      </search>
      {found.length === 0 ? (
        <Empty title={events.length > 0 ? said.none : said.empty} />
      ) : (
        <VirtualList
          label={said.label}
          count={found.length}
          rowHeight={ROW}
          rows={18}
          chosen={chosen >= 0 ? chosen : null}
          onChoose={(index) => setNumber(found[index]?.number ?? null)}
          keyOf={(index) => found[index]?.number ?? index}
          row={(index) => found[index] && <Row event={found[index]} />}
          followsEnd
        />
      )}
      {event && (
        <section className="stack" aria-label={said.number(event.number)}>
          <div className="row">
            <h2>
              {said.number(event.number)} <code>{event.kind}</code>
            </h2>
            <Button onClick={() => change({ view: "state", at: String(event.number) })}>
              {said.stateThen}
            </Button>
            {properties.onReplayAfter && (
              <Button onClick={() => properties.onReplayAfter?.(event.number)}>
                {said.replayAfter}
              </Button>
            )}
          </div>
          <EventData runId={properties.model.id} event={event} />
        </section>
      )}
    </section>
  );
}

function EventData({ runId, event }: { runId: string; event: RunEvent }) {
  const data = (event.data ?? {}) as Record<string, unknown>;
  const big = Object.values(data).find((value) => cutOf(value));
  return (
    <BigValue
      key={event.number}
      value={big ?? event.data}
      label={said.chosen}
      load={() => wholeData(runId, event.number)}
    />
  );
}

function Filter(properties: {
  label: string;
  value: string;
  of: readonly string[];
  onChange(value: string): void;
}) {
  return (
    <SelectField
      label={properties.label}
      value={properties.value}
      onChange={(event) => properties.onChange(event.target.value)}
    >
      <option value="">{words.common.all}</option>
      {properties.of.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </SelectField>
  );
}

function Row({ event }: { event: RunEvent }) {
  const turn = turnOf(event.path);
  return (
    <span className={`log-row ${event.kind.replace(".", "-")}`}>
      <span className="faint number">{event.number}</span>
      <time dateTime={event.at} className="number">
        {time.format(new Date(event.at))}
      </time>
      <code className="log-kind">{event.kind}</code>
      <span className="log-node">
        {nodeOf(event)} {turn && <span className="faint">#{turn}</span>}
      </span>
      <span className="log-text faint">{shortOf(event)}</span>
    </span>
  );
}

const nodeOf = (event: RunEvent): string =>
  event.node_id ? nameOf(event.path, event.node_id) : "";

const MOST = 200;

function shortOf(event: RunEvent): string {
  const data = (event.data ?? {}) as Record<string, unknown>;
  const inner = event.kind === "node.said" ? data["data"] : undefined;
  const value =
    data["message"] ??
    (data["error"] as Record<string, unknown> | undefined)?.["message"] ??
    inner ??
    data["output"] ??
    event.data;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.slice(0, MOST);
}

function filtered(events: readonly RunEvent[], node: string, kind: string, text: string) {
  const wanted = text.toLowerCase();
  return events.filter(
    (each) =>
      (!node || nodeOf(each) === node) &&
      (!kind || each.kind === kind) &&
      (!wanted || textOf(each).includes(wanted)),
  );
}

const texts = new WeakMap<RunEvent, string>();

/** Return what is searched of an event; events do not change, so it is made once. */
function textOf(event: RunEvent): string {
  let text = texts.get(event);
  if (text === undefined) {
    text = `${event.kind} ${nodeOf(event)} ${JSON.stringify(event.data)}`.toLowerCase();
    texts.set(event, text);
  }
  return text;
}
