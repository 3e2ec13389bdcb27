/** Runs in a table. */
import { runWords } from "#words/runs.ts";
import { part } from "../../api/client.ts";
import type { Run } from "../../api/types.ts";
import { Table } from "../../parts/table.tsx";
import { Ago, Duration, StatusBadge } from "../../parts/values.tsx";
import { Link } from "../../shell/router.tsx";
import { formatCost, formatNumber } from "../../words/format.ts";

export function RunsTable({ items }: { items: Run[] }) {
  return (
    <Table
      caption={runWords.title}
      items={items}
      keyOf={(each) => each.id}
      columns={[
        { name: runWords.status, cell: (each) => <StatusBadge status={each.status} /> },
        {
          name: runWords.run,
          cell: (each) => (
            <div>
              <Link to={`/ui/runs/${part(each.id)}`}>
                <code>{each.id.slice(0, 8)}</code>
              </Link>
              {each.error && <div className="error-text">{each.error.message}</div>}
            </div>
          ),
        },
        {
          name: runWords.workflow,
          cell: (each) =>
            each.workflow_id ? (
              <>
                <Link to={`/ui/workflows/${part(each.workflow_id)}`}>{each.workflow_id}</Link>{" "}
                <span className="faint">{each.version}</span>
              </>
            ) : (
              "–"
            ),
        },
        { name: runWords.started, cell: (each) => <Ago at={each.created_at} /> },
        {
          name: runWords.duration,
          isNumber: true,
          cell: (each) => <Duration from={each.started_at} to={each.finished_at} />,
        },
        {
          name: runWords.tokens,
          isNumber: true,
          cell: (each) => formatNumber(each.usage?.["total_tokens"] ?? 0),
        },
        {
          name: runWords.cost,
          isNumber: true,
          cell: (each) => formatCost(each.usage?.["cost"] ?? 0),
        },
        { name: runWords.by, cell: (each) => each.started_by ?? "–" },
      ]}
    />
  );
}
