/** The variables of a run, by scope; those of a paused run can be changed. */
import { type FormEvent, useState } from "react";
import { debugWords } from "#words/debug.ts";
import { words } from "#words/words.ts";
import { call, part } from "../api/client.ts";
import type { StateBody } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { TextArea } from "../parts/fields.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { say } from "../shell/status.ts";
import { useTask } from "../state/task.ts";
import { scopeName } from "./run-state.tsx";

// The part of a scope that expressions read as `variables`.
interface Scope {
  variables: Record<string, unknown>;
}

export function DebugVariables(properties: {
  runId: string;
  state: StateBody;
  mayChange: boolean;
  onChanged(): Promise<void>;
}) {
  const { state } = properties;
  const inner = Object.entries(state.scopes as Record<string, Scope>).filter(
    ([, scope]) => Object.keys(scope.variables).length > 0,
  );
  const isEmpty = inner.length === 0 && Object.keys(state.variables).length === 0;
  return (
    <>
      <h3>{debugWords.variables}</h3>
      {isEmpty && <p className="faint">{debugWords.none}</p>}
      {byScope(state).map(([scope, values]) => (
        <List
          key={scope}
          {...properties}
          title={debugWords.lasting[scope] ?? debugWords.ofWorkflow}
          values={values}
        />
      ))}
      {inner.map(([path, scope]) => (
        <List
          key={path}
          {...properties}
          mayChange={false}
          title={scopeName(path)}
          values={scope.variables}
        />
      ))}
    </>
  );
}

/** Return the variables by how long they last; those of the run are first. */
function byScope(state: StateBody): [string, Record<string, unknown>][] {
  const found = new Map<string, Record<string, unknown>>();
  for (const scope of ["run", "thread", "workflow", "user"]) {
    const own = Object.entries(state.variables).filter(
      ([name]) => (state.lasting[name] ?? "run") === scope,
    );
    if (own.length > 0) {
      found.set(scope, Object.fromEntries(own));
    }
  }
  return [...found];
}

function List(properties: {
  runId: string;
  title: string;
  values: Record<string, unknown>;
  mayChange: boolean;
  onChanged(): Promise<void>;
}) {
  const [edited, setEdited] = useState<string | null>(null);
  return (
    <section aria-label={properties.title}>
      <h4>{properties.title}</h4>
      <ul className="plain-list">
        {Object.entries(properties.values).map(([name, value]) => (
          <li key={name}>
            <div className="row">
              <code>
                {name} = {shown(value)}
              </code>
              {properties.mayChange && (
                <IconButton
                  label={debugWords.change(name)}
                  onClick={() => setEdited(edited === name ? null : name)}
                >
                  ✎
                </IconButton>
              )}
            </div>
            {edited === name && properties.mayChange && (
              <Editor
                runId={properties.runId}
                name={name}
                value={value}
                onDone={async () => {
                  setEdited(null);
                  await properties.onChanged();
                }}
                onCancel={() => setEdited(null)}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const MOST = 300;

/** Return a value as a short text. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

function Editor(properties: {
  runId: string;
  name: string;
  value: unknown;
  onDone(): Promise<void>;
  onCancel(): void;
}) {
  const { name } = properties;
  const [text, setText] = useState(JSON.stringify(properties.value, null, 2));
  const task = useTask();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void task.run(async () => {
      const variables = { [name]: JSON.parse(text) as unknown };
      const path = `/runs/${part(properties.runId)}/debug/variables`;
      await call("PATCH", path, { body: { variables } });
      say(debugWords.changed(name));
      await properties.onDone();
    });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextArea
        label={debugWords.newValue(name)}
        className="code"
        rows={3}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {task.error !== undefined && <ErrorNotice error={task.error} />}
      <div className="row end">
        <Button onClick={properties.onCancel}>{words.common.cancel}</Button>
        <Button type="submit" kind="primary" isBusy={task.isBusy}>
          {debugWords.save}
        </Button>
      </div>
    </form>
  );
}
