/** What a node answered in the newest run of the workflow: what others can read of it. */
import { builderWords } from "#words/builder.ts";
import { ApiError, get, part } from "../api/client.ts";
import type { NodeOutput, RunPage } from "../api/types.ts";
import { WhenLoaded } from "../parts/notices.tsx";
import { Ago, Value } from "../parts/values.tsx";
import { Link } from "../shell/router.tsx";
import { useLoad } from "../state/load.ts";

interface Found {
  run: string;
  at: string;
  output: unknown;
}

export default function LastOutput({ id, path }: { id: string; path: string }) {
  const loaded = useLoad(`${id} ${path}`, (signal) => lastOutput(id, path, signal));
  return (
    <WhenLoaded loaded={loaded}>
      {(found) =>
        found === null ? (
          <p className="hint">{builderWords.noOutput}</p>
        ) : (
          <>
            <p className="hint">
              <Link to={`/ui/runs/${part(found.run)}?node=${part(path)}`}>
                {builderWords.ofRun} <Ago at={found.at} />
              </Link>
            </p>
            <Value value={found.output} label={builderWords.lastOutput} />
          </>
        )
      }
    </WhenLoaded>
  );
}

async function lastOutput(id: string, path: string, signal: AbortSignal): Promise<Found | null> {
  const query = { workflow_id: id, fields: "id,created_at", limit: 1 };
  const [run] = (await get<RunPage>("/runs", query, signal)).items;
  if (!run) return null;
  try {
    const address = `/runs/${part(run.id)}/nodes/${part(path)}/output`;
    const found = await get<NodeOutput>(address, {}, signal);
    return { run: run.id, at: run.created_at, output: found.output };
  } catch (error) {
    // The run did not come to this node, or had no such node.
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
