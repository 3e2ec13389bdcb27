/** What runs did hour by hour, or day by day. */
import { analyticsWords } from "#words/analytics.ts";
import { get } from "../../api/client.ts";
import type { TrendFigures, TrendFiguresList } from "../../api/types.ts";
import { Chart } from "../../charts/chart.tsx";
import { useLoad } from "../../state/load.ts";
import { formatDuration, formatNumber } from "../../words/format.ts";
import type { Shown } from "./analytics.tsx";
import { largest, pointsOf, titleOf } from "./buckets.ts";
import { before } from "./period.ts";

const said = analyticsWords.trends;

export function Trends(shown: Shown) {
  const { items } = shown.trends;
  const earlier = useEarlier(shown);
  const worst = largest(items, (each) => each.failed);
  const slowest = largest(items, (each) => each.duration.p95_ms ?? 0);
  return (
    <>
      <Chart
        name={said.runs}
        finding={
          worst
            ? said.rose(analyticsWords.runs(worst.failed), titleOf(shown, worst))
            : said.noFailure
        }
        shape="lines"
        axis={said.when}
        series={[
          { name: said.completed, kind: "good" },
          { name: said.failed, kind: "bad" },
          { name: said.cancelled, kind: "calm" },
          ...(earlier ? [{ name: said.earlier, kind: "warn" as const }] : []),
        ]}
        points={pointsOf(shown, (each) => [
          each.completed,
          each.failed,
          each.cancelled,
          ...(earlier ? [earlier[items.indexOf(each)]?.executions ?? null] : []),
        ])}
        format={formatNumber}
      />
      <Chart
        name={said.durations}
        finding={
          slowest
            ? said.slowest(formatDuration(slowest.duration.p95_ms ?? 0), titleOf(shown, slowest))
            : said.durations
        }
        shape="lines"
        axis={said.when}
        series={[
          { name: said.p50, kind: "accent" },
          { name: said.p95, kind: "warn" },
        ]}
        points={pointsOf(shown, (each) => [each.duration.p50_ms, each.duration.p95_ms])}
        format={formatDuration}
      />
    </>
  );
}

/** Return the days before the period, to compare with; hours are not compared. */
function useEarlier({ period, trends, workflowId }: Shown): TrendFigures[] | null {
  const query = { workflow_id: workflowId, ...before(period), interval: "day" };
  const loaded = useLoad(`earlier${JSON.stringify(query)}`, (signal) =>
    get<TrendFiguresList>("/workflows/analytics/trends", query, signal),
  );
  return trends.interval === "day" ? (loaded.data?.items ?? null) : null;
}
