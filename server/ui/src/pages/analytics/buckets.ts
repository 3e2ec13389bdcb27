/** Hours and days as points of charts. */
import type { TrendFigures } from "../../api/types.ts";
import type { Point } from "../../charts/chart.tsx";
import type { Shown } from "./analytics.tsx";
import { endOf, localOf } from "./period.ts";

const hourLabel = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const hourTitle = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
// Days are counted in UTC, whatever the zone of the person.
const dayLabel = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const dayTitle = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** Return a point for each hour or day, which leads to the runs behind it. */
export function pointsOf(
  shown: Shown,
  valuesOf: (each: TrendFigures) => (number | null)[],
  status?: string,
): Point[] {
  const { trends } = shown;
  return trends.items.map((each) => ({
    label: (trends.interval === "hour" ? hourLabel : dayLabel).format(new Date(each.at)),
    title: titleOf(shown, each),
    values: valuesOf(each),
    ...(each.executions > 0 && { to: runsAt(shown, each, status) }),
  }));
}

/** Return an hour or a day, as it is written. */
export function titleOf({ trends }: Shown, each: TrendFigures): string {
  return (trends.interval === "hour" ? hourTitle : dayTitle).format(new Date(each.at));
}

/** Return the item of which a value is the largest; null if all are 0. */
export function largest<T>(items: readonly T[], of: (each: T) => number): T | null {
  let found: T | null = null;
  for (const each of items) if (of(each) > (found === null ? 0 : of(found))) found = each;
  return found;
}

export const sumOf = <T>(items: readonly T[], of: (each: T) => number): number =>
  items.reduce((sum, each) => sum + of(each), 0);

function runsAt(shown: Shown, each: TrendFigures, status?: string): string {
  const query = new URLSearchParams({
    from: localOf(each.at),
    to: localOf(endOf(each.at, shown.trends.interval)),
  });
  if (shown.workflowId) query.set("workflow_id", shown.workflowId);
  if (status) query.set("status", status);
  return `/ui/runs?${query}`;
}
