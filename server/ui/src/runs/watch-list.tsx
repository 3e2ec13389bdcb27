/** Expressions whose values are shown as a run continues; they are kept by workflow. */
import { type FormEvent, useState } from "react";
import { debugWords } from "#words/debug.ts";
import { post } from "../api/client.ts";
import type { EvaluationBody, EvaluationRequest } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { useLast, useLoad } from "../state/load.ts";
import { shown } from "./debug-variables.tsx";
import { scopeName } from "./run-state.tsx";

export function WatchList(properties: {
  /** What the expressions are kept for. */
  of: string;
  runId: string;
  at: number;
  scopes: readonly string[];
}) {
  const { runId, at, scopes } = properties;
  const [list, setList] = useKept(`flowc.watch.${properties.of}`);
  const [text, setText] = useState("");
  const [chosen, setScope] = useState("");
  const scope = scopes.includes(chosen) ? chosen : "";
  const loaded = useLast(
    useLoad(`${runId}/${at}/${scope}/${JSON.stringify(list)}`, async (signal) => {
      const found = list.map((each) => evaluated(each, runId, at, scope, signal));
      return new Map((await Promise.all(found)).map((value, index) => [list[index], value]));
    }),
  );
  const add = (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim();
    if (wanted && !list.includes(wanted)) setList([...list, wanted]);
    setText("");
  };
  return (
    <>
      <h3>{debugWords.watch}</h3>
      {list.length === 0 && <p className="faint">{debugWords.noWatch}</p>}
      <WhenLoaded loaded={loaded}>
        {(values) => (
          <ul className="plain-list">
            {list.map((each) => (
              <li key={each} className="row">
                <code>{each}</code>
                <Result result={values.get(each)} />
                <IconButton
                  label={debugWords.removeWatch(each)}
                  onClick={() => setList(list.filter((other) => other !== each))}
                >
                  ✕
                </IconButton>
              </li>
            ))}
          </ul>
        )}
      </WhenLoaded>
      <form className="stack" onSubmit={add}>
        <div className="columns narrow-columns">
          <TextField
            label={debugWords.expression}
            hint={debugWords.expressionHint}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {scopes.length > 0 && (
            <SelectField
              label={debugWords.variables}
              value={scope}
              onChange={(event) => setScope(event.target.value)}
            >
              <option value="">{debugWords.ofWorkflow}</option>
              {scopes.map((each) => (
                <option key={each} value={each}>
                  {scopeName(each)}
                </option>
              ))}
            </SelectField>
          )}
        </div>
        <div className="row">
          <Button type="submit" disabled={!text.trim()}>
            {debugWords.addWatch}
          </Button>
        </div>
      </form>
    </>
  );
}

function Result({ result }: { result: EvaluationBody | undefined }) {
  if (!result) return null;
  if (result.problem) {
    return (
      <span className="error-text">
        {result.problem} {result.hint}
      </span>
    );
  }
  return <code className="watched">{shown(result.value)}</code>;
}

function evaluated(
  text: string,
  run_id: string,
  at: number,
  scope: string,
  signal: AbortSignal,
): Promise<EvaluationBody> {
  const expression = text.includes("{{") ? text : `{{${text}}}`;
  const body: EvaluationRequest = { expression, run_id, at, scope };
  return post<EvaluationBody>("/eval", body, { signal });
}

/** A list of texts that this browser keeps. */
function useKept(key: string): [string[], (list: string[]) => void] {
  const [list, setList] = useState(() => read(key));
  const keep = (next: string[]) => {
    setList(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing shows them until the page is left.
    }
  };
  return [list, keep];
}

function read(key: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
