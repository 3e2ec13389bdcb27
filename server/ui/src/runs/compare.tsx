/** Two runs side by side. */
import { useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { get, part } from "../api/client.ts";
import type { ExecutionBody, Run, RunPage } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { CheckField, SelectField, TextField } from "../parts/fields.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, StatusBadge, Value } from "../parts/values.tsx";
import { Link } from "../shell/router.tsx";
import { useLoad } from "../state/load.ts";
import { formatCost, formatDuration, formatMoment, formatNumber } from "../words/format.ts";
import { MOST_BYTES } from "./cut.ts";
import { type Pair, pairsOf } from "./difference.ts";
import { StateBadge } from "./run-graph.tsx";

const said = runViewWords.compare;

/** Asks which run to compare with. */
export function CompareDialog(properties: {
  run: Run;
  onChoose(id: string): void;
  onClose(): void;
}) {
  const { run } = properties;
  const loaded = useLoad(`compare/${run.id}`, (signal) =>
    get<RunPage>(
      "/runs",
      { workflow_id: run.workflow_id, limit: 50, fields: "id,status,created_at,version" },
      signal,
    ),
  );
  const [id, setId] = useState(run.forked_from ?? "");
  const others = loaded.data?.items.filter((each) => each.id !== run.id) ?? [];
  return (
    <FormDialog
      title={said.title}
      submit={said.submit}
      onClose={properties.onClose}
      onSubmit={async () => {
        // A mistyped id is refused here, and not on a page that shows nothing.
        await get<Run>(`/runs/${part(id.trim())}`, { nodes: "summary", truncate: MOST_BYTES });
        properties.onChoose(id.trim());
      }}
    >
      <WhenLoaded loaded={loaded}>
        {() =>
          others.length > 0 ? (
            <SelectField
              label={said.hint}
              value={others.some((each) => each.id === id) ? id : ""}
              onChange={(event) => setId(event.target.value)}
            >
              <option value="" />
              {others.map((each) => (
                <option key={each.id} value={each.id}>
                  {`${formatMoment(each.created_at)} · ${each.status} · ${each.id.slice(-8)}`}
                </option>
              ))}
            </SelectField>
          ) : (
            <p className="faint">{said.none}</p>
          )
        }
      </WhenLoaded>
      <TextField
        label={said.id}
        required
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
    </FormDialog>
  );
}

interface Side {
  run: Run;
  history: ExecutionBody[];
}

async function sideOf(id: string, signal: AbortSignal): Promise<Side> {
  const path = `/runs/${part(id)}`;
  const [run, history] = await Promise.all([
    get<Run>(path, { nodes: "summary", truncate: MOST_BYTES }, signal),
    get<ExecutionBody[]>(`${path}/history`, { truncate: MOST_BYTES }, signal),
  ]);
  return { run, history };
}

/** What differs between a run and another one. */
export function Comparison(properties: { id: string; otherId: string; onEnd(): void }) {
  const { id, otherId } = properties;
  const loaded = useLoad(`${id}/with/${otherId}`, (signal) =>
    Promise.all([sideOf(id, signal), sideOf(otherId, signal)]),
  );
  return (
    <section className="stack" aria-label={said.title}>
      <div className="head">
        <h2>
          {said.of} <Link to={`/ui/runs/${part(otherId)}`}>{otherId.slice(-8)}</Link>
        </h2>
        <Button onClick={properties.onEnd}>{said.end}</Button>
      </div>
      <WhenLoaded loaded={loaded}>
        {([one, other]) => (
          <>
            <div className="columns">
              <Summary name={said.this} run={one.run} />
              <Summary name={said.other} run={other.run} />
            </div>
            <Pairs pairs={pairsOf(one.history, other.history)} />
          </>
        )}
      </WhenLoaded>
    </section>
  );
}

function Summary({ name, run }: { name: string; run: Run }) {
  const facts = runViewWords.facts;
  return (
    <section className="panel stack" aria-label={name}>
      <h3>
        {name}{" "}
        <code className="faint">
          {run.id.slice(-8)} {run.version !== null && runViewWords.version(run.version)}
        </code>
      </h3>
      <dl className="facts">
        <div>
          <dt>{facts.status}</dt>
          <dd>
            <StatusBadge status={run.status} />
          </dd>
        </div>
        <div>
          <dt>{facts.duration}</dt>
          <dd>
            <Duration from={run.started_at} to={run.finished_at} />
          </dd>
        </div>
        <div>
          <dt>{facts.tokens}</dt>
          <dd>{formatNumber(run.usage["total_tokens"] ?? 0)}</dd>
        </div>
        <div>
          <dt>{facts.cost}</dt>
          <dd>{formatCost(run.usage["cost"] ?? 0)}</dd>
        </div>
      </dl>
      {run.error && <p className="error-text">{run.error.message}</p>}
    </section>
  );
}

function Pairs({ pairs }: { pairs: Pair[] }) {
  const [onlyDifferent, setOnly] = useState(true);
  const [opened, setOpened] = useState<string | null>(null);
  const different = pairs.filter((each) => each.differs);
  const shown = onlyDifferent ? different : pairs;
  const pair = pairs.find((each) => each.key === opened);
  return (
    <>
      <p>{said.counts(different.length, pairs.length)}</p>
      <CheckField
        label={said.onlyDifferent}
        hint={said.big}
        checked={onlyDifferent}
        onChange={(event) => setOnly(event.target.checked)}
      />
      {shown.length === 0 ? (
        <p className="faint">{said.allSame}</p>
      ) : (
        <Table
          caption={said.title}
          items={shown}
          keyOf={(each) => each.key}
          columns={[
            { name: said.node, cell: (each) => <code>{each.key}</code> },
            { name: said.status, cell: (each) => <Both pair={each} of={statusOf} /> },
            { name: said.branch, cell: (each) => <Both pair={each} of={(it) => it.branch} /> },
            { name: said.duration, cell: (each) => <Both pair={each} of={durationOf} /> },
            {
              name: said.output,
              cell: (each) => (
                <Button
                  aria-label={said.show(each.differs ? said.differs : said.same, each.key)}
                  aria-expanded={opened === each.key}
                  onClick={() => setOpened(opened === each.key ? null : each.key)}
                >
                  {each.differs ? said.differs : said.same}
                </Button>
              ),
            },
          ]}
        />
      )}
      {pair && (
        <div className="columns">
          <div className="stack">
            <h3>{said.thisOutput}</h3>
            <Value value={pair.one?.output ?? pair.one?.error ?? null} label={said.thisOutput} />
          </div>
          <div className="stack">
            <h3>{said.otherOutput}</h3>
            <Value
              value={pair.other?.output ?? pair.other?.error ?? null}
              label={said.otherOutput}
            />
          </div>
        </div>
      )}
    </>
  );
}

const statusOf = (each: ExecutionBody) => <StateBadge state={each.status} />;
const durationOf = (each: ExecutionBody) =>
  each.duration_ms === null ? null : formatDuration(each.duration_ms);

function Both({ pair, of }: { pair: Pair; of(each: ExecutionBody): React.ReactNode }) {
  const one = pair.one && of(pair.one);
  const other = pair.other && of(pair.other);
  return (
    <span className="both">
      <span>{one ?? "–"}</span> <span aria-hidden="true">│</span> <span>{other ?? "–"}</span>
    </span>
  );
}
