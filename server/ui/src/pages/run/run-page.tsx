/** One run: what it does and did, in several views, and what can be done with it. */
import { useEffect, useMemo, useRef, useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { Run } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { ErrorNotice } from "../../parts/notices.tsx";
import { Duration, StatusBadge } from "../../parts/values.tsx";
import { toggleBreakpoint } from "../../runs/breakpoints.ts";
import { CompareDialog, Comparison } from "../../runs/compare.tsx";
import { DebugPanel } from "../../runs/debug-panel.tsx";
import { NodeDetails } from "../../runs/node-details.tsx";
import { flat, nodesOf, type RunNode } from "../../runs/nodes.ts";
import { ReplayDialog, type ReplayWish } from "../../runs/replay-dialog.tsx";
import { RunButtons } from "../../runs/run-buttons.tsx";
import { ENDED, type RunView } from "../../runs/run-model.ts";
import { openRun, type RunModel } from "../../runs/run-store.ts";
import { RunTabs } from "../../runs/run-tabs.tsx";
import { totalOf } from "../../runs/usage.ts";
import { Link, useQuery } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useTitle } from "../../shell/title.ts";
import { useInterval } from "../../state/load.ts";
import { useStore } from "../../state/store.ts";
import { useTask } from "../../state/task.ts";
import { formatCost, formatMoment, formatNumber } from "../../words/format.ts";

export default function RunPage({ id = "" }: Record<string, string>) {
  const [model, setModel] = useState<RunModel | null>(null);
  useEffect(() => {
    const opened = openRun(id);
    setModel(opened);
    return () => opened.close();
  }, [id]);
  useTitle(runViewWords.title(id.slice(-8)));
  return model?.id === id ? <OneRun key={id} model={model} /> : null;
}

function OneRun({ model }: { model: RunModel }) {
  const { run, view, graph, error, connection } = useStore(model.store, (value) => value);
  const [query, change] = useQuery();
  const [wish, setWish] = useState<ReplayWish | null>(null);
  const stops = useTask();
  const [compares, setCompares] = useState(false);
  const nodes = useMemo(() => flat(nodesOf(view, graph)), [view, graph]);
  const names = useMemo(() => nodes.map((node) => node.name), [nodes]);
  const status = view.last > 0 ? view.status : (run?.status ?? "pending");
  useSaid(view, connection === "live");
  const node = query.get("node");
  const number = Number(query.get("execution")) || null;
  const other = query.get("with");
  const isDebugging = query.get("debug") === "1";
  const hasAside = !other && (isDebugging || node !== null);
  return (
    <div className="page run-page">
      <Head model={model} status={status} nodes={nodes} />
      {error !== undefined && <ErrorNotice error={error} retry={() => void model.refresh()} />}
      {stops.error !== undefined && <ErrorNotice error={stops.error} />}
      {run && (
        <>
          <div className="head">
            <RunButtons
              model={model}
              status={status}
              onReplay={() => setWish({})}
              onCompare={() => setCompares(true)}
            />
            <Button
              aria-pressed={isDebugging}
              onClick={() => change({ debug: isDebugging ? null : "1" })}
            >
              {runViewWords.buttons.debug}
            </Button>
          </div>
          {other ? (
            <Comparison id={run.id} otherId={other} onEnd={() => change({ with: null })} />
          ) : (
            <div className={hasAside ? "run-body with-aside" : "run-body"}>
              <div className="run-main">
                <RunTabs
                  model={model}
                  tab={query.get("view") ?? "graph"}
                  onTab={(tab) => change({ view: tab, place: null })}
                  node={node}
                  number={number}
                  onChoose={(name, chosen) =>
                    change({ node: name, execution: chosen ? String(chosen) : null })
                  }
                  onToggleStop={
                    may("runs:control") && !ENDED.has(status)
                      ? (name) => void stops.run(() => toggleBreakpoint(model, name))
                      : null
                  }
                  onReplayAfter={
                    may("runs:control") ? (afterEvent) => setWish({ afterEvent }) : null
                  }
                />
              </div>
              {hasAside && (
                <div className="run-aside">
                  {isDebugging && (
                    <DebugPanel
                      model={model}
                      names={names}
                      onClose={() => change({ debug: null })}
                    />
                  )}
                  {node !== null && (
                    <NodeDetails
                      key={node}
                      model={model}
                      name={node}
                      number={number}
                      onChoose={(chosen) => change({ execution: String(chosen) })}
                      onClose={() => change({ node: null, execution: null })}
                      onReplayFrom={(fromNode) => setWish({ fromNode })}
                      onMock={(name, execution, output) =>
                        setWish({ mocks: { [name]: mockOf(output, execution.branch) } })
                      }
                    />
                  )}
                </div>
              )}
            </div>
          )}
          {wish && (
            <ReplayDialog run={run} names={names} wish={wish} onClose={() => setWish(null)} />
          )}
          {compares && (
            <CompareDialog
              run={run}
              onClose={() => setCompares(false)}
              onChoose={(id) => {
                setCompares(false);
                change({ with: id });
              }}
            />
          )}
        </>
      )}
    </div>
  );
}

const mockOf = (output: unknown, branch: string | null) => ({
  output: JSON.stringify(output, null, 2),
  branch: branch ?? "",
});

/** Say how the run ended, to someone who saw it at work. */
function useSaid(view: RunView, isLive: boolean): void {
  const wasLive = useRef(false);
  if (isLive) wasLive.current = true;
  useEffect(() => {
    if (!wasLive.current || !ENDED.has(view.status)) return;
    wasLive.current = false;
    say(runViewWords.saidEnd(view.status, view.error?.node_id ?? null));
  }, [view.status, view.error]);
}

function Head(properties: { model: RunModel; status: Run["status"]; nodes: RunNode[] }) {
  const { model, status, nodes } = properties;
  const { run, view, connection } = useStore(model.store, (value) => value);
  const [, draw] = useState(0);
  useInterval(() => draw((old) => old + 1), 1_000, !ENDED.has(status));
  const usage = totalOf(view.usage);
  const facts = runViewWords.facts;
  const done = nodes.filter((node) =>
    ["completed", "failed", "skipped", "cancelled"].includes(node.state),
  );
  return (
    <header className="stack">
      <div className="head">
        <h1>
          {runViewWords.title("")} <code>{model.id.slice(-8)}</code>
        </h1>
        <span className={`connection ${connection}`} role="status">
          {runViewWords.connection[connection]}
        </span>
      </div>
      {run && (
        <>
          <p className="faint">
            {run.workflow_id ? (
              <Link to={`/ui/workflows/${part(run.workflow_id)}`}>{run.workflow_id}</Link>
            ) : (
              runViewWords.noWorkflow
            )}{" "}
            {run.version !== null && runViewWords.version(run.version)}
            {run.started_by && ` · ${runViewWords.startedBy} ${run.started_by}`}
            {run.starts_at && ` · ${runViewWords.startsAt} ${formatMoment(run.starts_at)}`}
            {run.forked_from && (
              <>
                {" · "}
                {runViewWords.forkedFrom}{" "}
                <Link to={`/ui/runs/${part(run.forked_from)}`}>{run.forked_from.slice(-8)}</Link>
              </>
            )}
          </p>
          <dl className="facts wide">
            <Fact name={facts.status}>
              <StatusBadge status={status} />
            </Fact>
            <Fact name={facts.started}>{formatMoment(run.started_at ?? run.created_at)}</Fact>
            <Fact name={facts.duration}>
              <Duration from={run.started_at ?? view.startedAt} to={view.finishedAt} />
            </Fact>
            <Fact name={facts.nodes}>{runViewWords.nodesDone(done.length, nodes.length)}</Fact>
            <Fact name={facts.tokens}>{formatNumber(usage["total_tokens"] ?? 0)}</Fact>
            <Fact name={facts.cost}>{formatCost(usage["cost"] ?? 0)}</Fact>
          </dl>
          {view.error && <p className="error-text">{view.error.message}</p>}
        </>
      )}
    </header>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="number">{children}</dd>
    </div>
  );
}
