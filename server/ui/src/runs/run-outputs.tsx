/** The input and the output of a run, and its cost. */
import { useMemo } from "react";
import { runViewWords } from "#words/run-view.ts";
import { Empty } from "../parts/notices.tsx";
import { Table } from "../parts/table.tsx";
import { useStore } from "../state/store.ts";
import { formatCost, formatNumber } from "../words/format.ts";
import { BigValue, wholeRun } from "./big-value.tsx";
import { Problem } from "./problem.tsx";
import type { RunModel } from "./run-store.ts";
import { type ModelUsage, plus, totalOf } from "./usage.ts";

export function RunOutput({ model }: { model: RunModel }) {
  const { run, view } = useStore(model.store, (value) => value);
  if (!run) return null;
  return (
    <div className="stack">
      {view.error && <Problem title={runViewWords.output.error} error={view.error} />}
      <h2>{runViewWords.output.run}</h2>
      {view.status === "completed" ? (
        <BigValue
          value={view.output}
          label={runViewWords.output.run}
          load={async () => (await wholeRun(run.id)).output}
        />
      ) : (
        <p className="faint">{runViewWords.output.none}</p>
      )}
      <h2>{runViewWords.output.input}</h2>
      <BigValue
        value={run.input}
        label={runViewWords.output.input}
        load={async () => (await wholeRun(run.id)).input}
      />
    </div>
  );
}

const COLUMNS = [
  [runViewWords.cost.calls, "calls"],
  [runViewWords.cost.prompt, "prompt_tokens"],
  [runViewWords.cost.completion, "completion_tokens"],
  [runViewWords.cost.total, "total_tokens"],
] as const;

export function RunCost({ model }: { model: RunModel }) {
  const view = useStore(model.store, (value) => value.view);
  const byNode = useMemo(() => {
    const found = new Map<string, ModelUsage>();
    for (const each of view.executions) {
      if (Object.keys(each.usage).length === 0) continue;
      found.set(each.name, plus(found.get(each.name) ?? {}, each.usage));
    }
    return [...found].map(([name, usage]) => ({ name, total: totalOf(usage) }));
  }, [view.executions]);
  const byModel = Object.entries(view.usage).map(([name, total]) => ({
    name: name || runViewWords.cost.unknownModel,
    total,
  }));
  if (byNode.length === 0 && byModel.length === 0) return <Empty title={runViewWords.cost.none} />;
  return (
    <div className="stack">
      <h2>{runViewWords.cost.byNode}</h2>
      <Amounts name={runViewWords.node} caption={runViewWords.cost.byNode} items={byNode} />
      <h2>{runViewWords.cost.byModel}</h2>
      <Amounts
        name={runViewWords.details.model}
        caption={runViewWords.cost.byModel}
        items={byModel}
      />
    </div>
  );
}

interface Amount {
  name: string;
  total: Readonly<Record<string, number>>;
}

function Amounts(properties: { name: string; caption: string; items: Amount[] }) {
  const most = (each: Amount) => each.total["cost"] || (each.total["total_tokens"] ?? 0) / 1e9;
  return (
    <Table
      caption={properties.caption}
      items={[...properties.items].sort((a, b) => most(b) - most(a))}
      keyOf={(each) => each.name}
      columns={[
        { name: properties.name, cell: (each) => <code>{each.name}</code> },
        ...COLUMNS.map(([name, key]) => ({
          name,
          isNumber: true,
          cell: (each: Amount) => formatNumber(each.total[key] ?? 0),
        })),
        {
          name: runViewWords.cost.cost,
          isNumber: true,
          cell: (each) => formatCost(each.total["cost"] ?? 0),
        },
      ]}
    />
  );
}
