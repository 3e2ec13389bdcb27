/** The cases of a workflow: written, run, compared, and saved as a file that `flowc test` runs. */
import { useState } from "react";
import { caseWords } from "#words/cases.ts";
import { ApiError } from "../api/client.ts";
import { may } from "../api/session.ts";
import type { Case } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { saveFile } from "../parts/files.ts";
import { Empty, ErrorNotice, WhenLoaded } from "../parts/notices.tsx";
import { say } from "../shell/status.ts";
import { useLoad } from "../state/load.ts";
import { useTask } from "../state/task.ts";
import { CaseForm } from "./case-form.tsx";
import {
  type CasesState,
  caseFile,
  isConflict,
  readCases,
  runCases,
  storeCases,
} from "./case-model.ts";
import "./cases.css";
import { CaseOfRun } from "./case-of-run.tsx";
import { EMPTY_CASE, read, type WrittenCase } from "./written.ts";

export function CasesPanel({ id }: { id: string }) {
  const loaded = useLoad(`cases ${id}`, (signal) => readCases(id, signal));
  const isMissing = loaded.error instanceof ApiError && loaded.error.status === 404;
  if (isMissing) return <Empty title={caseWords.unpublished} />;
  return (
    <WhenLoaded loaded={loaded}>
      {(found) => <Cases key={found.etag} id={id} begun={found} reload={loaded.reload} />}
    </WhenLoaded>
  );
}

function Cases({ id, begun, reload }: { id: string; begun: CasesState; reload(): void }) {
  const [state, setState] = useState(begun);
  const [chosen, setChosen] = useState(0);
  const task = useTask();
  const [asksRun, setAsksRun] = useState(false);
  const mayWrite = may("workflows:write");
  const change = (items: WrittenCase[]) => setState({ ...state, items, isDirty: true });
  const add = (made: WrittenCase) => {
    change([...state.items, made]);
    setChosen(state.items.length);
  };
  const save = () =>
    task.run(async () => {
      setState(await storeCases(id, allOf(state.items), state.etag));
      say(caseWords.saved);
    });
  const run = (names: string[] | null) =>
    task.run(async () => {
      const done = await runCases(id, names);
      const results = Object.fromEntries(done.results.map((each) => [each.name, each]));
      setState((old) => ({ ...old, results: { ...old.results, ...results } }));
      say(caseWords.result(done.passed, done.failed));
    });
  const current = state.items[chosen];
  return (
    <div className="cases">
      <div className="row">
        {mayWrite && <Button onClick={() => add(EMPTY_CASE)}>{caseWords.new}</Button>}
        {mayWrite && <Button onClick={() => setAsksRun(true)}>{caseWords.fromRun}</Button>}
        <Button
          onClick={() => void run(null)}
          isBusy={task.isBusy}
          disabled={state.isDirty || state.items.length === 0}
        >
          ▶ {caseWords.runAll}
        </Button>
        {mayWrite && (
          <Button
            kind="primary"
            onClick={() => void save()}
            isBusy={task.isBusy}
            disabled={!state.isDirty}
          >
            {caseWords.save}
          </Button>
        )}
        <Button
          title={caseWords.fileHint}
          disabled={state.isDirty || state.items.length === 0}
          onClick={() =>
            void task.run(async () =>
              saveFile(`${id}.test.yaml`, await caseFile(id), "application/yaml"),
            )
          }
        >
          {caseWords.file}
        </Button>
        {state.isDirty && <span className="hint">{caseWords.unsaved}</span>}
      </div>
      {task.error !== undefined && <ErrorNotice error={said(task.error)} retry={reload} />}
      {current === undefined ? (
        <Empty title={caseWords.none}>
          <p>{caseWords.noneHint}</p>
        </Empty>
      ) : (
        <div className="case-columns">
          <CaseList {...{ state, chosen, setChosen }} />
          <CaseForm
            key={chosen}
            id={id}
            written={current}
            result={state.results[current.name]}
            isStored={!state.isDirty}
            onChange={(made) =>
              change(state.items.map((each, at) => (at === chosen ? made : each)))
            }
            onRun={(name) => void run([name])}
            onDelete={() => {
              change(state.items.filter((_, at) => at !== chosen));
              setChosen(Math.max(0, chosen - 1));
            }}
          />
        </div>
      )}
      {asksRun && <CaseOfRun id={id} onClose={() => setAsksRun(false)} onMade={add} />}
    </div>
  );
}

function CaseList(properties: { state: CasesState; chosen: number; setChosen(at: number): void }) {
  const { state, chosen, setChosen } = properties;
  return (
    <nav className="case-list" aria-label={caseWords.list}>
      {state.items.map((each, at) => {
        const result = state.results[each.name];
        return (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: a case that is written has no other name
            key={at}
            type="button"
            aria-current={at === chosen ? "true" : undefined}
            onClick={() => setChosen(at)}
          >
            <span>{each.name || caseWords.new}</span>
            <span className={`status ${result ? RESULT[result.status] : ""}`}>
              {result ? `${SIGN[result.status]} ${caseWords[result.status]}` : caseWords.notRun}
            </span>
          </button>
        );
      })}
    </nav>
  );
}

const RESULT = { passed: "completed", failed: "failed" };
const SIGN = { passed: "✓", failed: "✕" };

const said = (error: unknown): unknown =>
  isConflict(error) ? new Error(caseWords.conflict) : error;

/** Return all cases; raise an error that names the one that cannot be stored. */
function allOf(items: readonly WrittenCase[]): Case[] {
  const names = new Set<string>();
  return items.map((each) => {
    const found = read(each);
    if (!each.name.trim() || names.has(each.name)) throw new Error(caseWords.needsName);
    if ("broken" in found)
      throw new Error(`${each.name}: ${found.broken.join(", ")}: ${caseWords.broken}`);
    names.add(each.name);
    return found.case;
  });
}
