/** How an answer came about: its sources, and what its run did. */
import { chatWords } from "#words/chat.ts";
import { get, isObject, part } from "../../api/client.ts";
import type { EventPage, ExecutionBody, RunEvent } from "../../api/types.ts";
import { WhenLoaded } from "../../parts/notices.tsx";
import { StatusBadge, Value } from "../../parts/values.tsx";
import { Link } from "../../shell/router.tsx";
import { useLoad } from "../../state/load.ts";
import { formatDuration } from "../../words/format.ts";
import { passagesOf } from "./sources.ts";

interface DetailsProperties {
  runId: string;
  onSource(number: number): void;
}

export function RunDetails({ runId, onSource }: DetailsProperties) {
  const sources = useLoad(`sources ${runId}`, () => passagesOf(runId));
  const steps = useLoad(`steps ${runId}`, (signal) => stepsOf(runId, signal));
  return (
    <div className="stack">
      <WhenLoaded loaded={sources}>
        {(passages) =>
          passages.length === 0 ? (
            <p className="hint">{chatWords.noSources}</p>
          ) : (
            <>
              <h3>{chatWords.sources}</h3>
              <ul className="sources">
                {passages.map((each) => (
                  <li key={each.number}>
                    <button type="button" className="cite" onClick={() => onSource(each.number)}>
                      [{each.number}] {each.source}
                      {each.page !== null && `, ${chatWords.page(String(each.page))}`}
                    </button>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </WhenLoaded>
      <h3>{chatWords.steps}</h3>
      <WhenLoaded loaded={steps}>
        {({ nodes, said }) => (
          <>
            <ol className="steps">
              {nodes.map((each) => (
                <li key={each.number}>
                  <StatusBadge status={each.status} /> <code>{each.path + each.node_id}</code>{" "}
                  <span className="faint">
                    {each.duration_ms !== null && formatDuration(each.duration_ms)}
                  </span>
                </li>
              ))}
            </ol>
            {said.map((each) => (
              <SaidStep key={each.number} kind={each.kind} data={each.data} />
            ))}
          </>
        )}
      </WhenLoaded>
      <p>
        <Link to={`/ui/runs/${part(runId)}`}>{chatWords.toRun}</Link>
      </p>
    </div>
  );
}

const KINDS: Record<string, string> = {
  thought: chatWords.thought,
  tool_call: chatWords.toolCall,
  tool_result: chatWords.toolResult,
};

/** A thought, or a call of a tool and what it returned, to unfold. */
export function SaidStep({ kind, data }: { kind: string; data: unknown }) {
  const name = isObject(data) ? (data["name"] ?? data["tool"]) : undefined;
  return (
    <details className="step">
      <summary>
        {KINDS[kind] ?? kind} {typeof name === "string" && <code>{name}</code>}
      </summary>
      <Value value={data} />
    </details>
  );
}

interface Said {
  number: number;
  kind: string;
  data: unknown;
}

async function stepsOf(runId: string, signal: AbortSignal) {
  const path = `/runs/${part(runId)}`;
  const [nodes, page] = await Promise.all([
    get<ExecutionBody[]>(`${path}/history`, { truncate: 2_000 }, signal),
    get<EventPage>(`${path}/logs`, { limit: 1_000, truncate: 20_000 }, signal),
  ]);
  return { nodes, said: page.events.flatMap(saidBy) };
}

function saidBy(event: RunEvent): Said[] {
  if (event.kind !== "node.said" || !isObject(event.data)) return [];
  const { kind, data } = event.data;
  return typeof kind === "string" && kind in KINDS ? [{ number: event.number, kind, data }] : [];
}
