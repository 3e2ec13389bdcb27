/** The list of workflows, and drafts of those that are not published yet. */
import { useState } from "react";
import { words } from "#words/words.ts";
import { workflowWords } from "#words/workflows.ts";
import { call, get, part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { BundleBody, DraftPage, ListedWorkflow } from "../../api/types.ts";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { SelectField, TextField } from "../../parts/fields.tsx";
import { later } from "../../parts/later.tsx";
import { Empty, ErrorNotice, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago, StatusBadge } from "../../parts/values.tsx";
import { Link, useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { usePaged } from "../../state/paged.ts";
import { formatPercent } from "../../words/format.ts";
import type { Wanted } from "./new-workflow.tsx";

const ImportButton = later(() => import("./import-button.tsx"));
const NewWorkflow = later(() => import("./new-workflow.tsx"));
const Beginnings = later(() => import("./beginnings.tsx"));
const DeleteWorkflow = later(() => import("./delete-workflow.tsx"));

type Listed = Pick<
  ListedWorkflow,
  "id" | "name" | "version" | "updated_at" | "labels" | "last_run" | "success_rate" | "executions"
>;
const FIELDS = "id,name,version,updated_at,labels,last_run,success_rate,executions";

export default function WorkflowsPage() {
  useTitle(workflowWords.title);
  const [query, change] = useQuery();
  const q = query.get("q") ?? "";
  const sort = query.get("sort") ?? "id";
  const listed = usePaged<Listed>("/workflows", { q, sort, fields: FIELDS, limit: 50 });
  const drafts = useLoad("drafts", (signal) => get<DraftPage>("/drafts", { limit: 200 }, signal));
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [doomed, setDoomed] = useState<string | null>(null);
  const mayWrite = may("workflows:write");
  const known = new Set(listed.data?.map((each) => each.id));
  const unpublished = (drafts.data?.items ?? [])
    .filter((each) => each.base_version == null && !known.has(each.workflow_id))
    .filter((each) => each.workflow_id.includes(q));
  return (
    <div className="page">
      <div className="head">
        <h1>{workflowWords.title}</h1>
        {mayWrite && (
          <>
            <ImportButton onDone={listed.reload} />
            <Button kind="primary" onClick={() => setWanted({})}>
              {workflowWords.new}
            </Button>
          </>
        )}
      </div>
      <search>
        <form className="filters" onSubmit={(event) => event.preventDefault()}>
          <TextField
            label={workflowWords.searchLabel}
            isBare
            type="search"
            placeholder={words.common.search}
            value={q}
            onChange={(event) => change({ q: event.target.value })}
          />
          <SelectField
            label={workflowWords.sort}
            isBare
            value={sort}
            onChange={(event) => change({ sort: event.target.value })}
          >
            {Object.entries(workflowWords.sorts).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
        </form>
      </search>
      {drafts.error !== undefined && <ErrorNotice error={drafts.error} retry={drafts.reload} />}
      {unpublished.length > 0 && (
        <section className="stack" aria-label={workflowWords.drafts}>
          <h2>{workflowWords.drafts}</h2>
          <Table
            caption={workflowWords.drafts}
            items={unpublished}
            keyOf={(each) => each.workflow_id}
            columns={[
              {
                name: workflowWords.id,
                cell: (each) => <WorkflowLink id={each.workflow_id} />,
              },
              { name: workflowWords.changed, cell: (each) => <Ago at={each.updated_at} /> },
              { name: workflowWords.author, cell: (each) => each.author },
            ]}
          />
        </section>
      )}
      <WhenLoaded loaded={listed}>
        {(items) =>
          items.length === 0 ? (
            <NoWorkflow text={q} onChoose={mayWrite ? setWanted : null} />
          ) : (
            <Workflows items={items} onCopy={setWanted} onDelete={setDoomed} mayWrite={mayWrite} />
          )
        }
      </WhenLoaded>
      {listed.more && <Button onClick={() => void listed.more?.()}>{words.common.more}</Button>}

      {wanted && <NewWorkflow wanted={wanted} onClose={() => setWanted(null)} />}
      {doomed !== null && (
        <DeleteWorkflow
          id={doomed}
          onClose={() => setDoomed(null)}
          onDone={() => {
            setDoomed(null);
            listed.reload();
          }}
        />
      )}
    </div>
  );
}

function NoWorkflow({ text, onChoose }: { text: string; onChoose: ((it: Wanted) => void) | null }) {
  if (text) return <Empty title={workflowWords.noMatch(text)} />;
  return (
    <Empty title={workflowWords.empty}>
      {onChoose && (
        <>
          <p>{workflowWords.emptyHint}</p>
          <Beginnings onChoose={(template) => onChoose({ template })} />
        </>
      )}
    </Empty>
  );
}

function Workflows(properties: {
  items: Listed[];
  mayWrite: boolean;
  onCopy(wanted: Wanted): void;
  onDelete(id: string): void;
}) {
  const copy = async (id: string) => {
    const source = await call<string>("GET", `/workflows/${part(id)}/source`, { isText: true });
    properties.onCopy({ source, of: id });
  };
  const exportIt = async (id: string) => {
    const bundle = await get<BundleBody>(`/workflows/${part(id)}/export`);
    const { saveFile } = await import("../../parts/files.ts");
    saveFile(`${id}-bundle.json`, JSON.stringify(bundle, null, 2), "application/json");
  };
  return (
    <Table
      caption={workflowWords.title}
      items={properties.items}
      keyOf={(each) => each.id}
      columns={[
        {
          name: workflowWords.name,
          cell: (each) => (
            <div>
              <WorkflowLink id={each.id} name={each.name} />
              {each.name !== each.id && <div className="hint">{each.id}</div>}
            </div>
          ),
        },
        { name: workflowWords.version, isNumber: true, cell: (each) => each.version },
        { name: workflowWords.changed, cell: (each) => <Ago at={each.updated_at} /> },
        {
          name: workflowWords.lastRun,
          cell: (each) => (each.last_run ? <LastRun run={each.last_run} /> : "–"),
        },
        {
          name: workflowWords.successRate,
          isNumber: true,
          cell: (each) => (each.success_rate == null ? "–" : formatPercent(each.success_rate)),
        },
        {
          name: workflowWords.labels,
          cell: (each) => <Labels labels={each.labels} />,
        },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) => (
            <div className="row">
              <IconButton
                label={`${workflowWords.export}: ${each.id}`}
                onClick={() => void exportIt(each.id)}
              >
                ↓
              </IconButton>
              {properties.mayWrite && (
                <>
                  <IconButton
                    label={`${workflowWords.duplicate}: ${each.id}`}
                    onClick={() => void copy(each.id)}
                  >
                    ❐
                  </IconButton>
                  <IconButton
                    label={`${words.common.delete}: ${each.id}`}
                    onClick={() => properties.onDelete(each.id)}
                  >
                    ✕
                  </IconButton>
                </>
              )}
            </div>
          ),
        },
      ]}
    />
  );
}

function LastRun({ run }: { run: NonNullable<Listed["last_run"]> }) {
  return (
    <Link to={`/ui/runs/${part(run.id)}`}>
      <StatusBadge status={run.status} /> <Ago at={run.created_at} />
    </Link>
  );
}

function WorkflowLink({ id, name }: { id: string; name?: string }) {
  return <Link to={`/ui/workflows/${part(id)}`}>{name || id}</Link>;
}

function Labels({ labels }: { labels: Record<string, string> }) {
  const found = Object.entries(labels);
  if (found.length === 0) return <span className="faint">–</span>;
  return (
    <>
      {found.map(([name, value]) => (
        <span key={name} className="tag">
          {name}: {value}
        </span>
      ))}
    </>
  );
}
