/** The definition that a run is pinned to, as its author wrote it. */
import { useEffect, useRef } from "react";
import { runViewWords } from "#words/run-view.ts";
import { ApiError, get, part } from "../api/client.ts";
import type { GraphBody, GraphNodeBody, Run, RunDefinition } from "../api/types.ts";
import { WhenLoaded } from "../parts/notices.tsx";
import { Link, useQuery } from "../shell/router.tsx";
import { useLoad } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import type { RunModel } from "./run-store.ts";

export function RunDefinitionView({ model }: { model: RunModel }) {
  const run = useStore(model.store, (value) => value.run);
  return run && <Pinned run={run} model={model} />;
}

function Pinned({ run, model }: { run: Run; model: RunModel }) {
  const loaded = useLoad(`${run.id}/definition`, (signal) => textOf(run, signal));
  const graph = useStore(model.store, (value) => value.graph);
  const [query] = useQuery();
  const node = nodeAt(graph, query.get("place") ?? "", query.get("node"));
  return (
    <div className="stack">
      <p className="faint">
        {run.workflow_id && run.version ? (
          <>
            {runViewWords.definition.hint(run.version)}{" "}
            <Link to={`/ui/workflows/${part(run.workflow_id)}`}>
              {runViewWords.definition.open}
            </Link>
          </>
        ) : (
          runViewWords.definition.unstored
        )}
      </p>
      <WhenLoaded loaded={loaded}>
        {(text) => (
          <Lines
            text={text}
            from={node?.range?.start.line ?? null}
            to={node?.range?.end.line ?? null}
          />
        )}
      </WhenLoaded>
    </div>
  );
}

async function textOf(run: Run, signal: AbortSignal): Promise<string> {
  const { workflow_id: id, version } = run;
  if (id && version) {
    try {
      const found = await get<unknown>(`/workflows/${part(id)}/source`, { version }, signal);
      return typeof found === "string" ? found : JSON.stringify(found, null, 2);
    } catch (error) {
      // The workflow may be deleted; its runs keep what they were pinned to.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  const pinned = await get<RunDefinition>(`/runs/${part(run.id)}/definition`, undefined, signal);
  return JSON.stringify(pinned.definition, null, 2);
}

function Lines(properties: { text: string; from: number | null; to: number | null }) {
  const { text, from, to } = properties;
  const lines = text.replace(/\n$/, "").split("\n");
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const first = from === null ? null : box.current?.children[from - 1];
    if (box.current && first instanceof HTMLElement) {
      box.current.scrollTop = first.offsetTop - box.current.offsetTop - 60;
    }
  }, [from]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <pre className="block lines" tabIndex={0} ref={box}>
      {lines.map((line, index) => {
        const number = index + 1;
        const isMarked = from !== null && number >= from && number <= (to ?? from);
        return (
          <span key={number} className={isMarked ? "line marked" : "line"} data-line={number}>
            {`${line}\n`}
          </span>
        );
      })}
    </pre>
  );
}

/** Return the innermost node that a pointer is in, or the node of a name. */
function nodeAt(graph: GraphBody | null, pointer: string, name: string | null) {
  let found: GraphNodeBody | null = null;
  const look = (body: GraphBody | null) => {
    for (const node of body?.nodes ?? []) {
      const isIn = pointer === node.pointer || pointer.startsWith(`${node.pointer}/`);
      if (pointer ? isIn : node.path === name) found = node;
      look(node.body);
    }
  };
  look(graph);
  return found as GraphNodeBody | null;
}
