/** What one node of a run did: its executions, with inputs, outputs, attempts and errors. */
import { runViewWords } from "#words/run-view.ts";
import { part } from "../api/client.ts";
import { may } from "../api/session.ts";
import type { Failure } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { SelectField } from "../parts/fields.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { Table } from "../parts/table.tsx";
import { Value } from "../parts/values.tsx";
import { Link, useQuery } from "../shell/router.tsx";
import { useStore } from "../state/store.ts";
import { useTask } from "../state/task.ts";
import { formatCost, formatDuration, formatMoment, formatNumber } from "../words/format.ts";
import { BigValue, wholeData, wholeOutput } from "./big-value.tsx";
import { type Execution, turnOf } from "./executions.ts";
import { executionsOf, timeIn } from "./nodes.ts";
import { Problem } from "./problem.tsx";
import { StateBadge } from "./run-graph.tsx";
import type { RunModel } from "./run-store.ts";
import { totalOf } from "./usage.ts";

const said = runViewWords.details;

export interface NodeDetailsProperties {
  model: RunModel;
  name: string;
  /** Number of the execution that is shown; null for the last one. */
  number: number | null;
  onChoose(number: number): void;
  onClose(): void;
  onReplayFrom(name: string): void;
  onMock(name: string, execution: Execution, output: unknown): void;
}

export function NodeDetails(properties: NodeDetailsProperties) {
  const { model, name, number } = properties;
  const view = useStore(model.store, (value) => value.view);
  const executions = executionsOf(view, name);
  const shown = executions.find((each) => each.number === number) ?? executions.at(-1);
  return (
    <section className="panel stack node-details" aria-label={name}>
      <div className="head">
        <h2>
          <code>{name}</code>
        </h2>
        <IconButton label={said.close} onClick={properties.onClose}>
          ✕
        </IconButton>
      </div>
      {executions.length > 1 && (
        <SelectField
          label={said.execution}
          value={shown?.number}
          onChange={(event) => properties.onChoose(Number(event.target.value))}
        >
          {executions.map((each, index) => (
            <option key={each.number} value={each.number}>
              {said.executionOf(index + 1, executions.length, turnOf(each.path))}
            </option>
          ))}
        </SelectField>
      )}
      {shown ? (
        <One {...properties} execution={shown} isLast={shown === executions.at(-1)} />
      ) : (
        <StateBadge state={view.unreached.includes(name) ? "skipped" : "pending"} />
      )}
    </section>
  );
}

type OneProperties = NodeDetailsProperties & { execution: Execution; isLast: boolean };

function One(properties: OneProperties) {
  const { execution, model } = properties;
  const runId = model.id;
  const runError = useStore(model.store, (value) => value.view.error);
  const isDone = execution.state === "completed";
  return (
    <>
      <Facts execution={execution} />
      {execution.error && (
        <Problem
          title={said.error}
          error={placed(execution, runError)}
          isHandled={execution.isHandled}
        />
      )}
      {execution.isCached && <p className="hint">{said.cached}</p>}
      {execution.isReplayed && <p className="hint">{said.replayed}</p>}
      <Waits execution={execution} />
      <Acts {...properties} />
      {execution.end === null && execution.said && (
        <>
          <h3>{said.said}</h3>
          <Value value={execution.said} label={said.said} />
        </>
      )}
      <h3>{said.input}</h3>
      {execution.input ? (
        <BigValue
          value={execution.input}
          label={said.input}
          load={async () => (await wholeData(runId, execution.end ?? 0))["input"]}
        />
      ) : (
        <p className="faint">{said.noInput}</p>
      )}
      <h3>{said.output}</h3>
      {isDone ? (
        <BigValue
          value={execution.output}
          label={said.output}
          load={() => wholeOutput(runId, execution, properties.isLast)}
        />
      ) : (
        <p className="faint">{said.noOutput}</p>
      )}
      <FailedAttempts execution={execution} />
      <Events {...properties} />
    </>
  );
}

/** Return the error of an execution; that of the run has the line of the same place, too. */
function placed(execution: Execution, ofRun: Failure | null): Failure {
  const own = execution.error ?? { code: "", message: "" };
  const isSame = ofRun?.node_id === execution.name && ofRun.at?.pointer === own.at?.pointer;
  return isSame && ofRun?.at ? { ...own, at: ofRun.at } : own;
}

function Facts({ execution }: { execution: Execution }) {
  const usage = totalOf(execution.usage);
  const waited = timeIn(execution, "wait", Date.now());
  const models = Object.keys(execution.usage).filter(Boolean);
  const facts: [string, string | null][] = [
    [runViewWords.facts.started, execution.startedAt && formatMoment(execution.startedAt)],
    [
      runViewWords.facts.duration,
      execution.durationMs === null ? null : formatDuration(execution.durationMs),
    ],
    [said.waited, waited > 0 ? formatDuration(waited) : null],
    [said.attempt, execution.attempts > 1 ? String(execution.attempts) : null],
    [runViewWords.branch, execution.branch],
    [said.model, models.length > 0 ? models.join(", ") : null],
    [runViewWords.facts.tokens, usage["total_tokens"] ? formatNumber(usage["total_tokens"]) : null],
    [runViewWords.facts.cost, usage["calls"] ? formatCost(usage["cost"] ?? 0) : null],
  ];
  return (
    <dl className="facts">
      <div>
        <dt>{runViewWords.facts.status}</dt>
        <dd>
          <StateBadge state={execution.state} />
        </dd>
      </div>
      {facts.map(
        ([name, text]) =>
          text !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="number">{text}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Waits({ execution }: { execution: Execution }) {
  const waits = execution.waitsFor;
  if (!waits) return null;
  const names: Record<string, string> = said.waitsFor;
  return (
    <p>
      {said.waits} {names[waits.kind] ?? waits.kind}.{" "}
      {waits.kind === "human" && (
        <Link to={`/ui/tasks/${part(waits.id)}`}>{runViewWords.buttons.answer}</Link>
      )}
    </p>
  );
}

function Acts(properties: OneProperties) {
  const { execution, isLast, model } = properties;
  const task = useTask();
  if (!may("runs:control")) return null;
  const mock = () =>
    task.run(async () => {
      const output = await wholeOutput(model.id, execution, isLast);
      properties.onMock(execution.name, execution, output);
    });
  return (
    <>
      <div className="row">
        <Button onClick={() => properties.onReplayFrom(execution.name)}>{said.replayFrom}</Button>
        {execution.state === "completed" && (
          <Button isBusy={task.isBusy} onClick={mock}>
            {said.useAsMock}
          </Button>
        )}
      </div>
      {task.error !== undefined && <ErrorNotice error={task.error} />}
    </>
  );
}

function FailedAttempts({ execution }: { execution: Execution }) {
  if (execution.failedAttempts.length === 0) return null;
  return (
    <>
      <h3>{said.attempts}</h3>
      <Table
        caption={said.attempts}
        items={execution.failedAttempts}
        keyOf={(each) => String(each.attempt)}
        columns={[
          { name: said.attempt, isNumber: true, cell: (each) => each.attempt },
          { name: said.message, cell: (each) => each.message },
          {
            name: said.delay,
            isNumber: true,
            cell: (each) => formatDuration(each.delay * 1_000),
          },
        ]}
      />
    </>
  );
}

const SHOWN = 8;

function Events({ model, execution }: OneProperties) {
  const events = useStore(model.store, (value) => value.view.events);
  const [, change] = useQuery();
  // Numbers begin at 1 and have no gaps.
  const own = events
    .slice(execution.number - 1, execution.end ?? undefined)
    .filter((each) => each.node_id === execution.nodeId && each.path === execution.path);
  return (
    <>
      <h3>{said.events}</h3>
      <ul className="plain-list">
        {own.slice(0, SHOWN).map((each) => (
          <li key={each.number}>
            <span className="faint number">{each.number}</span> <code>{each.kind}</code>
          </li>
        ))}
      </ul>
      <div className="row">
        <Button
          onClick={() =>
            change({ view: "log", log_node: execution.name, log_kind: null, log_text: null })
          }
        >
          {said.allEvents}
        </Button>
      </div>
    </>
  );
}
