/** What the expressions of a run could read after any of its events. */
import { useDeferredValue } from "react";
import { runViewWords } from "#words/run-view.ts";
import { get, part } from "../api/client.ts";
import type { StateBody } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { StatusBadge, Value } from "../parts/values.tsx";
import { useQuery } from "../shell/router.tsx";
import { useLast, useLoad } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { nameOf, turnOf } from "./executions.ts";
import type { RunModel } from "./run-store.ts";

const said = runViewWords.state;

/** Return the number of the event in the address, and whether it is the last one. */
export function useMoment(model: RunModel): { at: number; last: number; isNow: boolean } {
  const last = useStore(model.store, (value) => value.view.last);
  const [query] = useQuery();
  const asked = Number(query.get("at") || Number.NaN);
  const isNow = !(asked >= 0 && asked < last);
  return { at: isNow ? last : asked, last, isNow };
}

export function RunState({ model }: { model: RunModel }) {
  const { at } = useMoment(model);
  const shown = useDeferredValue(at);
  const loaded = useLast(
    useLoad(`${model.id}/state/${shown}`, (signal) => stateAt(model.id, shown, signal)),
  );
  return (
    <div className="stack">
      <MomentSlider model={model} />
      <WhenLoaded loaded={loaded}>{(state) => <Shown state={state} />}</WhenLoaded>
    </div>
  );
}

/** Wait until the slider rests: each state is made from all events before it. */
async function stateAt(id: string, at: number, signal: AbortSignal): Promise<StateBody> {
  await new Promise((resolve) => setTimeout(resolve, 120));
  signal.throwIfAborted();
  return get<StateBody>(`/runs/${part(id)}/state`, { at }, signal);
}

/** Goes to any event of a run. */
export function MomentSlider({ model }: { model: RunModel }) {
  const { at, last, isNow } = useMoment(model);
  const [, change] = useQuery();
  const to = (number: number) =>
    change({ at: number >= last ? null : String(Math.max(0, number)) });
  return (
    <div className="moment">
      <IconButton label={said.back} disabled={at === 0} onClick={() => to(at - 1)}>
        ‹
      </IconButton>
      <input
        type="range"
        aria-label={said.slider}
        aria-valuetext={said.after(at, last)}
        min={0}
        max={last}
        value={at}
        onChange={(event) => to(Number(event.target.value))}
      />
      <IconButton label={said.on} disabled={isNow} onClick={() => to(at + 1)}>
        ›
      </IconButton>
      <span className="number moment-text">{said.after(at, last)}</span>
      <Button disabled={isNow} onClick={() => to(last)}>
        {said.now}
      </Button>
    </div>
  );
}

function Shown({ state }: { state: StateBody }) {
  return (
    <div className="stack">
      <dl className="facts">
        <div>
          <dt>{said.status}</dt>
          <dd>
            <StatusBadge status={state.status} />
          </dd>
        </div>
        <div>
          <dt>{said.atWork}</dt>
          <dd>
            {state.at_work.length === 0
              ? said.noneAtWork
              : state.at_work
                  .map((each) => nameOf(each["path"] ?? "", each["node_id"] ?? ""))
                  .join(", ")}
          </dd>
        </div>
      </dl>
      <Variables workflow={state.variables} scopes={state.scopes} />
      <h2>{said.input}</h2>
      <Value value={state.input} label={said.input} />
      <h2>{said.outputs}</h2>
      <Named of={said.outputs} values={state.outputs} none={said.noOutputs} />
      <h2>{said.scopes}</h2>
      <Scopes scopes={state.scopes} />
    </div>
  );
}

interface Scope {
  outputs: Record<string, unknown>;
  variables: Record<string, unknown>;
}

function Variables(properties: {
  workflow: Record<string, unknown>;
  scopes: Record<string, unknown>;
}) {
  const inner = Object.entries(properties.scopes as Record<string, Scope>).filter(
    ([, scope]) => Object.keys(scope.variables).length > 0,
  );
  return (
    <>
      <h2>{said.variables}</h2>
      <Named of={said.variables} values={properties.workflow} none={said.noVariables} />
      {inner.map(([path, scope]) => (
        <section key={path} className="stack" aria-label={path}>
          <h3>{scopeName(path)}</h3>
          <Named
            of={`${said.variables}, ${scopeName(path)}`}
            values={scope.variables}
            none={said.noVariables}
          />
        </section>
      ))}
    </>
  );
}

function Scopes({ scopes }: { scopes: Record<string, unknown> }) {
  const found = Object.entries(scopes as Record<string, Scope>);
  if (found.length === 0) return <p className="faint">{said.noScopes}</p>;
  return (
    <>
      {found.map(([path, scope]) => (
        <details key={path}>
          <summary>{scopeName(path)}</summary>
          <Named of={scopeName(path)} values={scope.outputs} none={said.noOutputs} />
        </details>
      ))}
    </>
  );
}

/** Return a body's path for people: `each#0/2/` is `each #3`. */
export function scopeName(path: string): string {
  const turn = turnOf(path);
  const names = path.split("/").filter((part) => part.includes("#"));
  return `${names.map((each) => each.split("#")[0]).join(".")} ${turn && `#${turn}`}`;
}

function Named(properties: { of: string; values: Record<string, unknown>; none: string }) {
  const { of, values, none } = properties;
  const found = Object.entries(values);
  if (found.length === 0) return <p className="faint">{none}</p>;
  return (
    <dl className="named">
      {found.map(([name, value]) => (
        <div key={name} className={isShort(value) ? "short" : undefined}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>
            {isShort(value) ? (
              <code>{JSON.stringify(value)}</code>
            ) : (
              <Value value={value} label={`${of}: ${name}`} />
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

// What fits on a line needs no box of its own.
const isShort = (value: unknown): boolean => (JSON.stringify(value) ?? "").length <= 80;
