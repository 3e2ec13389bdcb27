/** Adds and removes breakpoints of a run. */
import { debugWords } from "#words/debug.ts";
import { call, part } from "../api/client.ts";
import { say } from "../shell/status.ts";
import { type Breakpoints, breakpointsOf } from "./run-model.ts";
import type { RunModel } from "./run-store.ts";

/** Return where a run stops now; null without debugging. */
export function breakpointsNow(model: RunModel): Breakpoints | null {
  const { run, view } = model.store.get();
  return view.breakpoints === undefined ? breakpointsOf(run?.breakpoints) : view.breakpoints;
}

/** Let a run stop before a node, always or if a condition is true. */
export async function addBreakpoint(model: RunModel, name: string, condition = ""): Promise<void> {
  await call("PUT", pathOf(model, name), { body: { condition: condition || null } });
  say(debugWords.set(name));
  await model.refresh();
}

export async function removeBreakpoint(model: RunModel, name: string): Promise<void> {
  await call("DELETE", pathOf(model, name));
  say(debugWords.removed(name));
  await model.refresh();
}

/** Add a breakpoint before a node, or remove the one that is there. */
export function toggleBreakpoint(model: RunModel, name: string): Promise<void> {
  const isThere = breakpointsNow(model)?.nodes.includes(name);
  return isThere ? removeBreakpoint(model, name) : addBreakpoint(model, name);
}

const pathOf = (model: RunModel, name: string): string =>
  `/runs/${part(model.id)}/debug/breakpoints/${part(name)}`;
