/** What runs used: by hour or day, by model, by workflow, and by who started them. */
import { analyticsWords } from "#words/analytics.ts";
import { get } from "../../api/client.ts";
import type { CostFigures, UsageFigures } from "../../api/types.ts";
import { Chart } from "../../charts/chart.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Link } from "../../shell/router.tsx";
import { useLoad } from "../../state/load.ts";
import { formatCost, formatNumber } from "../../words/format.ts";
import type { Shown } from "./analytics.tsx";
import { largest, pointsOf, sumOf, titleOf } from "./buckets.ts";

const said = analyticsWords.cost;

export function CostFiguresView(shown: Shown) {
  const { period, workflowId, trends } = shown;
  const query = { workflow_id: workflowId, from: period.from, to: period.to };
  const loaded = useLoad(`cost${JSON.stringify(query)}`, (signal) =>
    get<CostFigures>("/workflows/analytics/cost", query, signal),
  );
  const dearest = largest(trends.items, (each) => each.usage.cost);
  const busiest = largest(trends.items, (each) => each.usage.total_tokens);
  const completed = sumOf(trends.items, (each) => each.completed);
  const cost = sumOf(trends.items, (each) => each.usage.cost);
  return (
    <>
      <p>
        {completed > 0 && `${said.perSuccess}: ${formatCost(cost / completed)}. `}
        <span className="hint">{period.since !== null && analyticsWords.wholeDays}</span>
      </p>
      <div className="columns wide-columns">
        <Chart
          name={said.byDay}
          finding={
            dearest ? said.most(formatCost(dearest.usage.cost), titleOf(shown, dearest)) : said.none
          }
          shape="bars"
          axis={analyticsWords.trends.when}
          series={[{ name: said.cost, kind: "accent" }]}
          points={pointsOf(shown, (each) => [each.usage.cost])}
          format={formatCost}
        />
        <Chart
          name={said.tokensByDay}
          finding={
            busiest
              ? said.most(
                  `${formatNumber(busiest.usage.total_tokens)} ${said.tokens.toLowerCase()}`,
                  titleOf(shown, busiest),
                )
              : said.noTokens
          }
          shape="bars"
          axis={analyticsWords.trends.when}
          series={[
            { name: said.prompt, kind: "accent" },
            { name: said.completion, kind: "warn" },
          ]}
          points={pointsOf(shown, (each) => [
            each.usage.prompt_tokens,
            each.usage.completion_tokens,
          ])}
          format={formatNumber}
        />
      </div>
      <WhenLoaded loaded={loaded}>
        {(figures) => <Lists figures={figures} isOfAll={!workflowId} />}
      </WhenLoaded>
    </>
  );
}

function Lists({ figures, isOfAll }: { figures: CostFigures; isOfAll: boolean }) {
  return (
    <>
      <Used
        caption={said.byModel}
        items={figures.by_model.map((each) => ({ ...each, name: each.model ?? said.unknown }))}
        name={said.model}
      />
      {isOfAll && (
        <Used
          caption={said.byWorkflow}
          items={figures.by_workflow.map((each) => ({
            ...each,
            name: each.workflow_id ?? analyticsWords.overview.unstored,
            ...(each.workflow_id && {
              to: `/ui/runs?${new URLSearchParams({ workflow_id: each.workflow_id })}`,
            }),
          }))}
          name={analyticsWords.overview.workflow}
        />
      )}
      <Used
        caption={said.byCaller}
        items={figures.by_caller.map((each) => ({
          ...each,
          name: each.started_by ?? said.unknown,
        }))}
        name={said.caller}
      />
    </>
  );
}

type Row = UsageFigures & { name: string; to?: string };

function Used(properties: { caption: string; name: string; items: Row[] }) {
  const { items } = properties;
  if (items.length === 0) return null;
  const columns: Column<Row>[] = [
    {
      name: properties.name,
      cell: (each) => (each.to ? <Link to={each.to}>{each.name}</Link> : each.name),
    },
    { name: said.calls, isNumber: true, cell: (each) => formatNumber(each.calls) },
    { name: said.tokens, isNumber: true, cell: (each) => formatNumber(each.total_tokens) },
    { name: said.cost, isNumber: true, cell: (each) => formatCost(each.cost) },
  ];
  return (
    <section className="stack">
      <h2>{properties.caption}</h2>
      <Table
        caption={properties.caption}
        items={items}
        keyOf={(each) => each.name}
        columns={columns}
      />
    </section>
  );
}
