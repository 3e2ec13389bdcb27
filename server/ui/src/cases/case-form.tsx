/** One case: its input, its mocks, the answers that it gives, and what it expects. */
import { useState } from "react";
import { caseWords } from "#words/cases.ts";
import { words } from "#words/words.ts";
import { get, part, post } from "../api/client.ts";
import type {
  CaseResultBody,
  CaseResultsPage,
  CaseRunBody,
  ValidationResult,
} from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { TextArea, TextField } from "../parts/fields.tsx";
import { ErrorNotice, WhenLoaded } from "../parts/notices.tsx";
import { Ago, StatusBadge, Value } from "../parts/values.tsx";
import { useLoad } from "../state/load.ts";
import { useTask } from "../state/task.ts";
import { formatDuration } from "../words/format.ts";
import { tryCase } from "./case-model.ts";
import { EndedRuns } from "./ended-runs.tsx";
import { PARTS, type Part, read, type WrittenCase } from "./written.ts";

interface CaseFormProperties {
  id: string;
  written: WrittenCase;
  result: CaseResultBody | undefined;
  isStored: boolean;
  onChange(written: WrittenCase): void;
  onRun(name: string): void;
  onDelete(): void;
}

const HINTS: Partial<Record<Part, string>> = {
  mocks: caseWords.mocksHint,
  answers: caseWords.answersHint,
  signals: caseWords.signalsHint,
  expect: caseWords.expectHint,
};

export function CaseForm(properties: CaseFormProperties) {
  const { id, written, result, isStored, onChange } = properties;
  const [tried, setTried] = useState<CaseRunBody | null>(null);
  const task = useTask();
  const [compares, setCompares] = useState(false);
  const found = read(written);
  const broken = "broken" in found ? found.broken : [];
  const run = async () => {
    if (isStored) {
      properties.onRun(written.name);
      return;
    }
    if (!("case" in found)) return;
    await task.run(async () => setTried(await tryCase(id, found.case)));
  };
  return (
    <section className="case-form" aria-label={written.name || caseWords.new}>
      <TextField
        label={caseWords.name}
        required
        maxLength={200}
        value={written.name}
        onChange={(event) => onChange({ ...written, name: event.target.value })}
      />
      {PARTS.map((name) => (
        <TextArea
          key={name}
          label={caseWords[name]}
          hint={HINTS[name]}
          error={broken.includes(name) ? caseWords.broken : undefined}
          className="code"
          rows={Math.min(12, Math.max(2, written.parts[name].split("\n").length + 1))}
          value={written.parts[name]}
          spellCheck={false}
          onChange={(event) =>
            onChange({ ...written, parts: { ...written.parts, [name]: event.target.value } })
          }
        />
      ))}
      <div className="row">
        <Button
          kind="primary"
          isBusy={task.isBusy}
          disabled={broken.length > 0}
          onClick={() => void run()}
        >
          ▶ {caseWords.run}
        </Button>
        <Button disabled={broken.length > 0} onClick={() => setCompares(true)}>
          {caseWords.validate}
        </Button>
        <Button kind="danger" onClick={properties.onDelete}>
          {words.common.delete}
        </Button>
      </div>
      {task.error !== undefined && <ErrorNotice error={task.error} />}
      {tried && !isStored && <Tried tried={tried} />}
      {result && isStored && (
        <Problems passed={result.status === "passed"} list={result.problems} />
      )}
      {isStored && result && <History id={id} name={written.name} at={result.ran_at} />}
      {compares && "case" in found && (
        <Comparison id={id} expect={found.case.expect} onClose={() => setCompares(false)} />
      )}
    </section>
  );
}

function Tried({ tried }: { tried: CaseRunBody }) {
  return (
    <>
      <Problems passed={tried.status === "passed"} list={tried.problems} />
      <h3>{caseWords.got}</h3>
      <p>
        <StatusBadge status={tried.got.status} /> {tried.got.path.join(" → ")}
      </p>
      <Value value={tried.got.error ?? tried.got.output} label={caseWords.got} />
    </>
  );
}

function Problems({ passed, list }: { passed: boolean; list: readonly string[] }) {
  return (
    <div className={`notice ${passed ? "" : "error"}`} role="status">
      <strong>{passed ? `✓ ${caseWords.passed}` : `✕ ${caseWords.failed}`}</strong>
      {list.map((each) => (
        <pre key={each}>{each}</pre>
      ))}
    </div>
  );
}

function History({ id, name, at }: { id: string; name: string; at: string }) {
  const loaded = useLoad(`${id} ${name} ${at}`, (signal) =>
    get<CaseResultsPage>(`/workflows/${part(id)}/cases/results`, { name, limit: 20 }, signal),
  );
  return (
    <details>
      <summary>{caseWords.history}</summary>
      <WhenLoaded loaded={loaded}>
        {(page) => (
          <ol className="case-history">
            {page.items.map((each) => (
              <li key={each.ran_at}>
                {each.status === "passed" ? "✓" : "✕"} {caseWords[each.status]} ·{" "}
                <Ago at={each.ran_at} /> · {caseWords.version(each.version)} ·{" "}
                {formatDuration(each.seconds * 1_000)}
              </li>
            ))}
          </ol>
        )}
      </WhenLoaded>
    </details>
  );
}

/** Compare a run that has ended with what a case expects. */
function Comparison({ id, expect, onClose }: { id: string; expect: unknown; onClose(): void }) {
  const [run, setRun] = useState("");
  const [result, setResult] = useState<ValidationResult | null>(null);
  return (
    <FormDialog
      title={caseWords.validateTitle}
      submit={caseWords.validate}
      onClose={onClose}
      onSubmit={async () => {
        setResult(await post<ValidationResult>(`/runs/${part(run)}/test/validate`, { expect }));
      }}
    >
      <EndedRuns id={id} value={run} onChange={setRun} />
      {result && <Problems passed={result.passed} list={result.problems} />}
    </FormDialog>
  );
}
