/** How many runs ended, and how. */
import { analyticsWords } from "#words/analytics.ts";
import { get } from "../../api/client.ts";
import type { JobFigures, JobFiguresList, RunPage, WorkflowFiguresList } from "../../api/types.ts";
import { Chart } from "../../charts/chart.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Link } from "../../shell/router.tsx";
import { useLoad } from "../../state/load.ts";
import { formatCost, formatDuration, formatNumber, formatPercent } from "../../words/format.ts";
import type { Shown } from "./analytics.tsx";
import { largest, pointsOf, sumOf, titleOf } from "./buckets.ts";
import { localOf } from "./period.ts";

const said = analyticsWords.overview;
const NEWEST = 200;

export function Overview(shown: Shown) {
  const { items } = shown.trends;
  const most = largest(items, (each) => each.executions);
  return (
    <>
      <Numbers {...shown} />
      <Chart
        name={said.chart}
        finding={
          most
            ? said.busiest(analyticsWords.runs(most.executions), titleOf(shown, most))
            : said.chart
        }
        shape="bars"
        axis={analyticsWords.trends.when}
        series={[
          { name: said.success, kind: "good" },
          { name: said.failed, kind: "bad" },
          { name: said.cancelled, kind: "calm" },
        ]}
        points={pointsOf(shown, (each) => [each.completed, each.failed, each.cancelled])}
        format={formatNumber}
      />
      <Failures {...shown} />
      {!shown.workflowId && <Workflows {...shown} />}
    </>
  );
}

function Numbers(shown: Shown) {
  const { items, interval } = shown.trends;
  const ended = sumOf(items, (each) => each.executions);
  const completed = sumOf(items, (each) => each.completed);
  const failed = sumOf(items, (each) => each.failed);
  const hours = items.length * (interval === "hour" ? 1 : 24);
  const work = useLoad(`at work ${shown.workflowId}`, (signal) => atWork(shown.workflowId, signal));
  const numbers: [string, string][] = [
    [said.ended, formatNumber(ended)],
    [said.success, formatPercent(completed / ended)],
    [said.failed, formatPercent(failed / ended)],
    [said.perHour, formatNumber(Math.round((ended / hours) * 100) / 100)],
    [said.now, work.data ? formatNumber(work.data.working) : "–"],
    [said.waiting, work.data ? formatNumber(work.data.waiting) : "–"],
    [said.tokens, formatNumber(sumOf(items, (each) => each.usage.total_tokens))],
    [said.cost, formatCost(sumOf(items, (each) => each.usage.cost))],
  ];
  return (
    <dl className="cards numbers">
      {numbers.map(([name, text]) => (
        <div key={name} className="panel number-card">
          <dt>{name}</dt>
          <dd className="number">{text}</dd>
        </div>
      ))}
    </dl>
  );
}

async function atWork(workflow_id: string | undefined, signal: AbortSignal) {
  const count = async (status: string[]) => {
    const query = { workflow_id, status, limit: 1, fields: "id" };
    return (await get<RunPage>("/runs", query, signal)).total ?? 0;
  };
  const [working, waiting] = await Promise.all([
    count(["pending", "running"]),
    count(["waiting", "paused"]),
  ]);
  return { working, waiting };
}

function Failures(shown: Shown) {
  const { period, workflowId } = shown;
  const query = { workflow_id: workflowId, from: period.from, to: period.to, limit: NEWEST };
  const loaded = useLoad(`jobs${JSON.stringify(query)}`, (signal) =>
    get<JobFiguresList>("/analytics/jobs", query, signal),
  );
  return (
    <WhenLoaded loaded={loaded}>
      {({ items }) => {
        const codes = countedCodes(items);
        const [first] = codes;
        return (
          <section className="panel stack">
            <h2>
              {first ? said.finding(first.code, analyticsWords.runs(first.count)) : said.byCode}
            </h2>
            <p className="hint">{said.ofNewest(items.length)}</p>
            {first ? (
              <Table
                caption={said.byCode}
                items={codes}
                keyOf={(each) => each.code}
                columns={[
                  {
                    name: said.code,
                    cell: (each) => (
                      <Link to={failedRuns(shown)}>
                        <code>{each.code}</code>
                      </Link>
                    ),
                  },
                  { name: said.count, isNumber: true, cell: (each) => formatNumber(each.count) },
                  {
                    name: said.share,
                    isNumber: true,
                    cell: (each) => formatPercent(each.count / items.length),
                  },
                ]}
              />
            ) : (
              <p className="faint">{said.noFailure}</p>
            )}
          </section>
        );
      }}
    </WhenLoaded>
  );
}

function countedCodes(items: readonly JobFigures[]): { code: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const each of items) {
    if (each.status !== "failed" || !each.error_code) continue;
    counts.set(each.error_code, (counts.get(each.error_code) ?? 0) + 1);
  }
  return [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count);
}

function failedRuns({ period, workflowId }: Shown): string {
  const query = new URLSearchParams({ status: "failed", from: localOf(`${period.from}T00:00Z`) });
  if (workflowId) query.set("workflow_id", workflowId);
  return `/ui/runs?${query}`;
}

function Workflows({ period }: Shown) {
  const query = { from: period.from, to: period.to };
  const loaded = useLoad(`workflows${JSON.stringify(query)}`, (signal) =>
    get<WorkflowFiguresList>("/analytics/workflows", query, signal),
  );
  return (
    <section className="panel stack">
      <h2>{said.workflows}</h2>
      {period.since !== null && <p className="hint">{analyticsWords.wholeDays}</p>}
      <WhenLoaded loaded={loaded}>
        {({ items }) => (
          <Table
            caption={said.workflows}
            items={items}
            keyOf={(each) => each.workflow_id ?? ""}
            columns={[
              {
                name: said.workflow,
                cell: (each) =>
                  each.workflow_id ? (
                    <Link to={`/ui/runs?${new URLSearchParams({ workflow_id: each.workflow_id })}`}>
                      {each.workflow_id}
                    </Link>
                  ) : (
                    said.unstored
                  ),
              },
              { name: said.count, isNumber: true, cell: (each) => formatNumber(each.executions) },
              {
                name: said.success,
                isNumber: true,
                cell: (each) => formatPercent(each.success_rate ?? 0),
              },
              {
                name: said.median,
                isNumber: true,
                cell: (each) => formatDuration(each.duration.p50_ms ?? 0),
              },
              {
                name: said.cost,
                isNumber: true,
                cell: (each) => formatCost(each.usage.cost),
              },
            ]}
          />
        )}
      </WhenLoaded>
    </section>
  );
}
