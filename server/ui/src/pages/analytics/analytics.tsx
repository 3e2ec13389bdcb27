/** Figures of the runs of a workflow, or of all: how many, how long, and what they cost. */
import { useMemo } from "react";
import { analyticsWords } from "#words/analytics.ts";
import { get, part } from "../../api/client.ts";
import type { TrendFiguresList } from "../../api/types.ts";
import { Choices } from "../../parts/buttons.tsx";
import { TextField } from "../../parts/fields.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Link, useQuery } from "../../shell/router.tsx";
import { useLoad } from "../../state/load.ts";
import { formatMoment } from "../../words/format.ts";
import { CostFiguresView } from "./cost.tsx";
import { Overview } from "./overview.tsx";
import { Performance } from "./performance.tsx";
import { type Period, type PeriodName, periodOf } from "./period.ts";
import { Trends } from "./trends.tsx";

/** What each view shows: the period, its hours or days, and the workflow if there is one. */
export interface Shown {
  period: Period;
  trends: TrendFiguresList;
  workflowId: string | undefined;
}

export function Analytics({ workflowId }: { workflowId?: string }) {
  const [query, change] = useQuery();
  const search = query.toString();
  const period = useMemo(() => periodOf(new URLSearchParams(search), Date.now()), [search]);
  const asked = { workflow_id: workflowId, from: period.from, to: period.to };
  const loaded = useLoad(`${JSON.stringify(asked)}${period.interval}`, async (signal) => {
    const found = await get<TrendFiguresList>(
      "/workflows/analytics/trends",
      { ...asked, interval: period.interval },
      signal,
    );
    return { ...found, items: found.items.filter((each) => isIn(each.at, period)) };
  });
  return (
    <div className="stack">
      <PeriodFields period={period} change={change} />
      <WhenLoaded loaded={loaded}>
        {(trends) =>
          trends.items.every((each) => each.executions === 0) ? (
            <Empty title={analyticsWords.empty}>
              <p>{analyticsWords.emptyHint}</p>
              <Link
                className="button"
                to={workflowId ? `/ui/runs?workflow_id=${part(workflowId)}` : "/ui/runs"}
              >
                {analyticsWords.toRuns}
              </Link>
            </Empty>
          ) : (
            <Views
              shown={{ period, trends, workflowId }}
              chosen={query.get("figures") ?? "overview"}
              onChoose={(figures) => change({ figures })}
            />
          )
        }
      </WhenLoaded>
    </div>
  );
}

/** Hours that have not begun yet say nothing, nor do those before the period. */
function isIn(at: string, period: Period): boolean {
  const moment = Date.parse(at);
  const isSince = period.since === null || moment + 3_600_000 > period.since;
  return isSince && (period.interval === "day" || moment <= Date.now());
}

function Views(properties: { shown: Shown; chosen: string; onChoose(id: string): void }) {
  const { shown } = properties;
  const names = analyticsWords.tabs;
  return (
    <Tabs
      label={analyticsWords.views}
      chosen={properties.chosen}
      onChoose={properties.onChoose}
      tabs={[
        { id: "overview", label: names.overview, content: () => <Overview {...shown} /> },
        { id: "performance", label: names.performance, content: () => <Performance {...shown} /> },
        { id: "trends", label: names.trends, content: () => <Trends {...shown} /> },
        { id: "cost", label: names.cost, content: () => <CostFiguresView {...shown} /> },
      ]}
    />
  );
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const formatDay = (text: string): string => day.format(new Date(text));

function PeriodFields(properties: {
  period: Period;
  change(wanted: Record<string, string | null>): void;
}) {
  const { period, change } = properties;
  return (
    <div className="row">
      <Choices<PeriodName>
        label={analyticsWords.period}
        value={period.name}
        of={Object.entries(analyticsWords.periods) as [PeriodName, string][]}
        onChange={(name) =>
          change(
            name === "custom"
              ? { period: name, from: period.from, to: period.to }
              : { period: name, from: null, to: null },
          )
        }
      />
      {period.name === "custom" &&
        (["from", "to"] as const).map((name) => (
          <TextField
            key={name}
            label={analyticsWords[name]}
            type="date"
            value={period[name]}
            onChange={(event) => change({ [name]: event.target.value })}
          />
        ))}
      <span className="hint">
        {period.since === null
          ? analyticsWords.shown(formatDay(period.from), formatDay(period.to))
          : analyticsWords.shown(
              formatMoment(new Date(period.since).toISOString()),
              formatMoment(new Date().toISOString()),
            )}{" "}
        {analyticsWords.zone(Intl.DateTimeFormat().resolvedOptions().timeZone)}
      </span>
    </div>
  );
}
