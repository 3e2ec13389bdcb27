/** Values of a run that may be cut; the whole is loaded when it is asked for. */
import { useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { get, part } from "../api/client.ts";
import type { EventPage, NodeOutput, Run } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { Value } from "../parts/values.tsx";
import { formatBytes } from "../words/format.ts";
import { cutOf } from "./cut.ts";
import type { Execution } from "./executions.ts";

/** A value, or how it begins, and a button that loads the rest. */
export function BigValue(properties: { value: unknown; label: string; load(): Promise<unknown> }) {
  const [whole, setWhole] = useState<{ of: unknown; value: unknown } | null>(null);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const cut = cutOf(properties.value);
  const load = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setWhole({ of: properties.value, value: await properties.load() });
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  if (!cut) return <Value value={properties.value} label={properties.label} />;
  if (whole && whole.of === properties.value) {
    return <Value value={whole.value} label={properties.label} />;
  }
  return (
    <>
      <p className="hint">
        {runViewWords.cut(formatBytes(cut.bytes))}{" "}
        <Button isBusy={isBusy} onClick={() => void load()}>
          {runViewWords.whole}
        </Button>
      </p>
      <Value value={`${cut.start}…`} label={properties.label} />
      {error !== undefined && <ErrorNotice error={error} />}
    </>
  );
}

/** Return the whole output of an execution; that of a node's last one has an address of its own. */
export async function wholeOutput(
  runId: string,
  execution: Execution,
  isLast: boolean,
): Promise<unknown> {
  const path = `/runs/${part(runId)}`;
  if (isLast) {
    const found = await get<NodeOutput>(`${path}/nodes/${part(execution.name)}/output`);
    return found.output;
  }
  return (await wholeData(runId, execution.end ?? execution.number))["output"];
}

/** Return the whole data of an event. */
export async function wholeData(runId: string, number: number): Promise<Record<string, unknown>> {
  const query = { after: number - 1, limit: 1 };
  const page = await get<EventPage>(`/runs/${part(runId)}/logs`, query);
  return (page.events[0]?.data ?? {}) as Record<string, unknown>;
}

/** Return the whole run, without the outputs of its nodes. */
export const wholeRun = (runId: string): Promise<Run> =>
  get<Run>(`/runs/${part(runId)}`, { nodes: "summary" });
