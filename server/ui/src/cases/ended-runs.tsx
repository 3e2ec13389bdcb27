/** A choice of the runs of a workflow that have ended. */
import { caseWords } from "#words/cases.ts";
import { runWords } from "#words/runs.ts";
import { words } from "#words/words.ts";
import { get } from "../api/client.ts";
import type { RunPage } from "../api/types.ts";
import { SelectField } from "../parts/fields.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { useLoad } from "../state/load.ts";
import { formatMoment } from "../words/format.ts";

interface EndedRunsProperties {
  id: string;
  value: string;
  onChange(run: string): void;
}

export function EndedRuns({ id, value, onChange }: EndedRunsProperties) {
  const query = {
    workflow_id: id,
    status: ["completed", "failed", "cancelled"],
    fields: "id,status,created_at",
    limit: 50,
  };
  const loaded = useLoad(`ended ${id}`, (signal) => get<RunPage>("/runs", query, signal));
  return (
    <WhenLoaded loaded={loaded}>
      {(page) =>
        page.items.length === 0 ? (
          <p>{caseWords.noRuns}</p>
        ) : (
          <SelectField
            label={runWords.run}
            required
            value={value}
            onChange={(event) => onChange(event.target.value)}
          >
            <option value="">–</option>
            {page.items.map((each) => (
              <option key={each.id} value={each.id}>
                {each.id.slice(0, 8)} · {words.status[each.status]} ·{" "}
                {formatMoment(each.created_at)}
              </option>
            ))}
          </SelectField>
        )
      }
    </WhenLoaded>
  );
}
