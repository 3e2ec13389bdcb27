/** Debugs a run: where it stops, what it knows there, and what comes next. */
import { useState } from "react";
import { debugWords } from "#words/debug.ts";
import { runViewWords } from "#words/run-view.ts";
import { get, part, post } from "../api/client.ts";
import { may } from "../api/session.ts";
import type { StateBody } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { ErrorNotice, WhenLoaded } from "../parts/notices.tsx";
import { useShortcuts } from "../shell/shortcuts.ts";
import { say } from "../shell/status.ts";
import { useLast, useLoad } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { type Task, useTask } from "../state/task.ts";
import { addBreakpoint, breakpointsNow, removeBreakpoint } from "./breakpoints.ts";
import { DebugVariables } from "./debug-variables.tsx";
import { type Breakpoints, ENDED } from "./run-model.ts";
import { useMoment } from "./run-state.tsx";
import type { RunModel } from "./run-store.ts";
import { WatchList } from "./watch-list.tsx";

export function DebugPanel(properties: {
  model: RunModel;
  /** Names of the nodes, for the choice of breakpoints. */
  names: readonly string[];
  onClose(): void;
}) {
  const { model, names } = properties;
  const { run, view } = useStore(model.store, (value) => value);
  const task = useTask();
  const { at, isNow } = useMoment(model);
  const state = useLast(
    useLoad(`${model.id}/debug/${at}`, (signal) => stateAt(model.id, at, signal)),
  );
  if (!run) return null;
  const breakpoints = breakpointsNow(model);
  const isOver = ENDED.has(view.status);
  return (
    <section className="panel stack debug" aria-label={debugWords.title}>
      <div className="head">
        <h2>{debugWords.title}</h2>
        <IconButton label={runViewWords.details.close} onClick={properties.onClose}>
          ✕
        </IconButton>
      </div>
      {isOver ? (
        <p className="faint">{debugWords.ended}</p>
      ) : (
        may("runs:control") && (
          <>
            <Controls model={model} task={task} />
            <Stops model={model} task={task} names={names} breakpoints={breakpoints} />
          </>
        )
      )}
      {task.error !== undefined && <ErrorNotice error={task.error} />}
      <p className="hint number">{debugWords.after(at)}</p>
      <WhenLoaded loaded={state}>
        {(found) => (
          <>
            <DebugVariables
              runId={model.id}
              state={found}
              mayChange={isNow && view.status === "paused" && may("runs:control")}
              onChanged={async () => {
                await model.refresh();
                state.reload();
              }}
            />
            <WatchList
              of={run.workflow_id ?? run.hash}
              runId={model.id}
              at={at}
              scopes={Object.keys(found.scopes)}
            />
          </>
        )}
      </WhenLoaded>
    </section>
  );
}

/** Wait until the run, or the slider, rests for a moment. */
async function stateAt(id: string, at: number, signal: AbortSignal): Promise<StateBody> {
  await new Promise((resolve) => setTimeout(resolve, 150));
  signal.throwIfAborted();
  return get<StateBody>(`/runs/${part(id)}/state`, { at }, signal);
}

function Controls({ model, task }: { model: RunModel; task: Task }) {
  const view = useStore(model.store, (value) => value.view);
  const path = `/runs/${part(model.id)}`;
  const isPaused = view.status === "paused";
  const act = (name: "step" | "resume" | "cancel", text: string) =>
    task.run(async () => {
      await post(name === "step" ? `${path}/debug/step` : `${path}/${name}`);
      say(text);
      await model.refresh();
    });
  const step = () => void act("step", runViewWords.done.step);
  const resume = () => void act("resume", runViewWords.done.resume);
  const stop = () => void act("cancel", debugWords.stopped);
  useShortcuts(debugWords.keys, [
    { keys: "F10", does: debugWords.step, run: () => isPaused && step(), inText: true },
    { keys: "F5", does: debugWords.continue, run: () => isPaused && resume(), inText: true },
    { keys: "Shift+F5", does: debugWords.stop, run: stop, inText: true },
  ]);
  return (
    <>
      <p role="status" className={isPaused ? "stands" : "faint"}>
        {view.stoppedBefore.length > 0
          ? debugWords.stands(view.stoppedBefore.join(", "))
          : debugWords.running}
      </p>
      <div className="row">
        <Button kind="primary" disabled={!isPaused} isBusy={task.isBusy} onClick={step}>
          {debugWords.step} <kbd>F10</kbd>
        </Button>
        <Button disabled={!isPaused} isBusy={task.isBusy} onClick={resume}>
          {debugWords.continue} <kbd>F5</kbd>
        </Button>
        <Button kind="danger" isBusy={task.isBusy} onClick={stop}>
          {debugWords.stop} <kbd>Shift+F5</kbd>
        </Button>
      </div>
    </>
  );
}

function Stops(properties: {
  model: RunModel;
  task: Task;
  names: readonly string[];
  breakpoints: Breakpoints | null;
}) {
  const { model, task, breakpoints } = properties;
  const path = `/runs/${part(model.id)}/debug`;
  const change = (act: () => Promise<unknown>, text: string) =>
    task.run(async () => {
      await act();
      say(text);
      await model.refresh();
    });
  if (!breakpoints) {
    return (
      <>
        <p className="faint">{debugWords.off}</p>
        <div className="row">
          <Button
            isBusy={task.isBusy}
            onClick={() => void change(() => post(`${path}/enable`, {}), debugWords.enabled)}
          >
            {debugWords.enable}
          </Button>
        </div>
      </>
    );
  }
  return (
    <>
      <h3>{debugWords.breakpoints}</h3>
      {breakpoints.nodes.length === 0 && <p className="faint">{debugWords.noBreakpoint}</p>}
      <ul className="plain-list">
        {breakpoints.nodes.map((name) => (
          <li key={name} className="row">
            <span aria-hidden="true" className="dot">
              ●
            </span>
            <code>{name}</code>
            {breakpoints.conditions[name] && (
              <code className="faint">{breakpoints.conditions[name]}</code>
            )}
            <IconButton
              label={debugWords.remove(name)}
              onClick={() => void task.run(() => removeBreakpoint(model, name))}
            >
              ✕
            </IconButton>
          </li>
        ))}
      </ul>
      <NewBreakpoint
        names={properties.names}
        isBusy={task.isBusy}
        onAdd={(name, condition) => task.run(() => addBreakpoint(model, name, condition))}
      />
      <div className="row">
        <Button
          isBusy={task.isBusy}
          onClick={() => void change(() => post(`${path}/disable`), debugWords.disabled)}
        >
          {debugWords.disable}
        </Button>
      </div>
    </>
  );
}

function NewBreakpoint(properties: {
  names: readonly string[];
  isBusy: boolean;
  onAdd(name: string, condition: string): Promise<void>;
}) {
  const [name, setName] = useState("");
  const [condition, setCondition] = useState("");
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void properties.onAdd(name, condition.trim()).then(() => setCondition(""));
      }}
    >
      <div className="columns narrow-columns">
        <SelectField
          label={debugWords.node}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        >
          <option value="" />
          {properties.names.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </SelectField>
        <TextField
          label={debugWords.condition}
          hint={debugWords.conditionHint}
          value={condition}
          onChange={(event) => setCondition(event.target.value)}
        />
      </div>
      <div className="row">
        <Button type="submit" disabled={!name} isBusy={properties.isBusy}>
          {debugWords.add}
        </Button>
      </div>
    </form>
  );
}
