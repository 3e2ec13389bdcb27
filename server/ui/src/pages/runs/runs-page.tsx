/** The list of runs; its filters are in the address, and it follows what happens. */

import { useEffect, useState } from "react";
import { runWords } from "#words/runs.ts";
import { words } from "#words/words.ts";
import { address } from "../../api/client.ts";
import { followAll } from "../../api/events.ts";
import type { Run } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { SelectField, TextField } from "../../parts/fields.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { usePaged } from "../../state/paged.ts";
import { RunsTable } from "./runs-table.tsx";

const FIELDS =
  "id,workflow_id,version,status,error,usage,created_at,started_at,finished_at,started_by";
const STATUSES = [
  "pending",
  "running",
  "waiting",
  "paused",
  "completed",
  "failed",
  "cancelled",
] as const;
const FILTERS = ["q", "workflow_id", "status", "from", "to"] as const;

export default function RunsPage() {
  useTitle(runWords.title);
  const [query, change] = useQuery();
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const isFiltered = Object.values(filters).some(Boolean);
  const listed = usePaged<Run>("/runs", {
    ...filters,
    from: asMoment(filters["from"]),
    to: asMoment(filters["to"]),
    fields: FIELDS,
    limit: 50,
  });
  const newRuns = useNewRuns(filters["workflow_id"] ?? "", listed.reload);
  return (
    <div className="page">
      <div className="head">
        <h1>{runWords.title}</h1>
        {newRuns.count > 0 && <Button onClick={newRuns.show}>{runWords.new(newRuns.count)}</Button>}
      </div>
      <search>
        <form className="filters" onSubmit={(event) => event.preventDefault()}>
          <TextField
            label={runWords.searchLabel}
            type="search"
            placeholder={words.common.search}
            value={filters["q"]}
            onChange={(event) => change({ q: event.target.value })}
          />
          <TextField
            label={runWords.workflow}
            value={filters["workflow_id"]}
            onChange={(event) => change({ workflow_id: event.target.value })}
          />
          <SelectField
            label={runWords.status}
            value={filters["status"]}
            onChange={(event) => change({ status: event.target.value })}
          >
            <option value="">{words.common.all}</option>
            {STATUSES.map((each) => (
              <option key={each} value={each}>
                {words.status[each]}
              </option>
            ))}
          </SelectField>
          {(["from", "to"] as const).map((name) => (
            <TextField
              key={name}
              label={runWords[name]}
              type="datetime-local"
              value={filters[name]}
              onChange={(event) => change({ [name]: event.target.value })}
            />
          ))}
          {isFiltered && (
            <Button
              kind="quiet"
              onClick={() => change(Object.fromEntries(FILTERS.map((name) => [name, null])))}
            >
              {runWords.clear}
            </Button>
          )}
        </form>
      </search>
      <WhenLoaded loaded={listed}>
        {(items) =>
          items.length > 0 ? (
            <RunsTable items={items} />
          ) : isFiltered ? (
            <Empty title={runWords.noMatch} />
          ) : (
            <NoRun />
          )
        }
      </WhenLoaded>
      {listed.more && <Button onClick={() => void listed.more?.()}>{words.common.more}</Button>}
    </div>
  );
}

function NoRun() {
  const url = new URL(address("/workflows/ID/execute"), location.href).href;
  return (
    <Empty title={runWords.empty}>
      <p>{runWords.emptyHint}</p>
      <pre className="block">{`curl -H "Authorization: Bearer $FLOWC_API_KEY" \\
  --json '{"input": {}}' ${url}`}</pre>
    </Empty>
  );
}

/** Count the runs that began since the list was loaded; those that changed are loaded again. */
function useNewRuns(workflowId: string, reload: () => void) {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const kinds = ["run.created", "run.completed", "run.failed", "run.cancelled", "run.waiting"];
    const stream = followAll(
      { workflow_id: workflowId, kinds },
      {
        event(event) {
          if (event.kind === "run.created") setCount((number) => number + 1);
          // Many runs may end at once.
          else
            timer ??= setTimeout(() => {
              timer = undefined;
              if (scrollY < 200) {
                setCount(0);
                reload();
              }
            }, 1_000);
        },
      },
    );
    return () => {
      clearTimeout(timer);
      stream.close();
    };
  }, [workflowId, reload]);
  const show = () => {
    setCount(0);
    reload();
  };
  return { count, show };
}

/** Return a local time of a field as a moment of the API. */
function asMoment(local: string | undefined): string | null {
  const found = local ? new Date(local) : null;
  return found && !Number.isNaN(found.valueOf()) ? found.toISOString() : null;
}
