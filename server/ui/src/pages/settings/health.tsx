/** Whether the server works, what it is, and how well code is kept apart. */
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { get } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { Health, MonitoringSummary } from "../../api/types.ts";
import { WhenLoaded } from "../../parts/notices.tsx";
import { useInterval, useLoad } from "../../state/load.ts";
import { Facts } from "./facts.tsx";

const texts = settingWords.health;

export function HealthPanel() {
  const health = useLoad("health", (signal) => get<Health>("/health", {}, signal));
  const summary = useLoad("summary", async (signal) =>
    may("runs:read") ? await get<MonitoringSummary>("/monitoring/summary", {}, signal) : null,
  );
  useInterval(() => {
    health.reload();
    summary.reload();
  }, 10_000);
  return (
    <WhenLoaded loaded={health}>
      {(found) => (
        <div className="columns">
          <section className="panel stack">
            <h2>{texts.server}</h2>
            <Facts
              of={[
                [
                  texts.server,
                  <State
                    key="state"
                    good={found.status === "ok"}
                    text={texts.states[found.status]}
                  />,
                ],
                [
                  texts.storeState,
                  <State
                    key="store"
                    good={found.store === "ok"}
                    text={found.store === "ok" ? texts.states.ok : found.store}
                  />,
                ],
              ]}
            />
            <WhenLoaded loaded={summary}>{(more) => more && <Summary of={more} />}</WhenLoaded>
          </section>
          <section className="panel stack">
            <h2>{texts.isolation}</h2>
            <p className="hint">{texts.isolationHint}</p>
            <Facts
              of={Object.entries(found.isolation).map(([name, level]) => [
                name,
                <State key={name} good={level === "full"} text={levelOf(level)} />,
              ])}
            />
          </section>
        </div>
      )}
    </WhenLoaded>
  );
}

function Summary({ of }: { of: MonitoringSummary }) {
  const names: Record<string, string> = words.status;
  const counts = Object.entries(of.unfinished).filter(([, count]) => Number(count) > 0);
  const unfinished = counts.map(([name, count]) => `${names[name] ?? name}: ${count}`);
  return (
    <Facts
      of={[
        [texts.version, of.version],
        [texts.store, of.database],
        [texts.unfinished, unfinished.join(", ") || words.common.none],
      ]}
    />
  );
}

function levelOf(level: string): string {
  const levels: Record<string, string> = texts.levels;
  return levels[level] ?? level;
}

function State({ good, text }: { good: boolean; text: string }) {
  return (
    <span className={`status ${good ? "completed" : "waiting"}`}>
      <span aria-hidden="true">{good ? "✓" : "!"}</span> {text}
    </span>
  );
}
