/** How long runs and nodes took. */
import { analyticsWords } from "#words/analytics.ts";
import { get } from "../../api/client.ts";
import type { DurationFigures, NodeFigures, PerformanceFigures } from "../../api/types.ts";
import { Chart } from "../../charts/chart.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { useLoad } from "../../state/load.ts";
import { formatDuration, formatNumber } from "../../words/format.ts";
import type { Shown } from "./analytics.tsx";

const said = analyticsWords.performance;
const PARTS = [
  ["p50_ms", said.p50],
  ["average_ms", said.average],
  ["p95_ms", said.p95],
  ["p99_ms", said.p99],
  ["longest_ms", said.longest],
] as const satisfies readonly (readonly [keyof DurationFigures, string])[];

export function Performance({ period, workflowId }: Shown) {
  const query = { workflow_id: workflowId, from: period.from, to: period.to };
  const loaded = useLoad(`performance${JSON.stringify(query)}`, (signal) =>
    get<PerformanceFigures>("/workflows/analytics/performance", query, signal),
  );
  return (
    <WhenLoaded loaded={loaded}>
      {({ duration, slowest_nodes: nodes }) => (
        <>
          <Chart
            name={said.durations}
            finding={said.finding(time(duration.p50_ms), time(duration.p95_ms))}
            shape="bars"
            axis={said.percentile}
            series={[{ name: said.took, kind: "accent" }]}
            points={PARTS.map(([key, name]) => ({
              label: name,
              title: name,
              values: [duration[key]],
            }))}
            format={formatDuration}
          />
          <p className="hint">
            {said.hint} {period.since !== null && analyticsWords.wholeDays}
          </p>
          <Slowest nodes={nodes} isOfAll={!workflowId} />
        </>
      )}
    </WhenLoaded>
  );
}

const time = (value: number | null): string => (value === null ? "–" : formatDuration(value));

function Slowest({ nodes, isOfAll }: { nodes: NodeFigures[]; isOfAll: boolean }) {
  const [first] = nodes;
  const nameOf = (each: NodeFigures) =>
    isOfAll && each.workflow_id ? `${each.workflow_id}: ${each.node_id}` : each.node_id;
  if (!first) return <p className="faint">{said.noNode}</p>;
  return (
    <>
      <Chart
        name={said.slowest}
        finding={said.slowestFinding(nameOf(first), time(first.duration.average_ms))}
        shape="bars"
        axis={said.node}
        series={[{ name: said.average, kind: "accent" }]}
        points={nodes.slice(0, 8).map((each) => ({
          label: each.node_id.slice(0, 14),
          title: nameOf(each),
          values: [each.duration.average_ms],
        }))}
        format={formatDuration}
      />
      <Table
        caption={said.slowest}
        items={nodes}
        keyOf={nameOf}
        columns={[
          { name: said.node, cell: (each) => <code>{nameOf(each)}</code> },
          { name: said.runs, isNumber: true, cell: (each) => formatNumber(each.executions) },
          ...PARTS.filter(([key]) => key !== "longest_ms").map(([key, name]) => ({
            name,
            isNumber: true,
            cell: (each: NodeFigures) => time(each.duration[key]),
          })),
          { name: said.failed, isNumber: true, cell: (each) => formatNumber(each.failed) },
          {
            name: said.attempts,
            isNumber: true,
            cell: (each) => formatNumber(each.failed_attempts),
          },
        ]}
      />
    </>
  );
}
