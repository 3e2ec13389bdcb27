/** What runs did hour by hour, or day by day. */
import { analyticsWords } from "#words/analytics.ts";
import { Chart } from "../../charts/chart.tsx";
import { formatDuration, formatNumber } from "../../words/format.ts";
import type { Shown } from "./analytics.tsx";
import { largest, pointsOf, titleOf } from "./buckets.ts";

const said = analyticsWords.trends;

export function Trends(shown: Shown) {
  const { items } = shown.trends;
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
        ]}
        points={pointsOf(shown, (each) => [each.completed, each.failed, each.cancelled])}
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
