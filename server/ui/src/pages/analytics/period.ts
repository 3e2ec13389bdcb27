/** The period that figures are of, as it is in the address and as the API takes it. */

export type PeriodName = "24h" | "7d" | "30d" | "custom";

export interface Period {
  name: PeriodName;
  /** First and last day in UTC: `2026-11-28`. */
  from: string;
  to: string;
  interval: "hour" | "day";
  /** Hours before this moment are left out; null for whole days. */
  since: number | null;
}

const DAY = 86_400_000;

/** Return the period that an address names; without one, the last 7 days. */
export function periodOf(query: URLSearchParams, now: number): Period {
  const name = query.get("period") ?? "7d";
  const today = dayOf(now);
  if (name === "24h") {
    const since = now - DAY;
    return { name, from: dayOf(since), to: today, interval: "hour", since };
  }
  if (name === "custom") {
    const from = validDay(query.get("from")) ?? dayOf(now - 6 * DAY);
    const to = validDay(query.get("to")) ?? today;
    const [first, last] = from <= to ? [from, to] : [to, from];
    const days = (Date.parse(last) - Date.parse(first)) / DAY + 1;
    return { name, from: first, to: last, interval: days <= 2 ? "hour" : "day", since: null };
  }
  const days = name === "30d" ? 30 : 7;
  const from = dayOf(now - (days - 1) * DAY);
  return { name: days === 30 ? "30d" : "7d", from, to: today, interval: "day", since: null };
}

/** Return the days of the same number before a period. */
export function before(period: Period): { from: string; to: string } {
  const [first, last] = [Date.parse(period.from), Date.parse(period.to)];
  return { from: dayOf(first - (last - first) - DAY), to: dayOf(first - DAY) };
}

/** Return the end of an hour or a day. */
export function endOf(at: string, interval: "hour" | "day"): string {
  return new Date(Date.parse(at) + (interval === "hour" ? 3_600_000 : DAY)).toISOString();
}

/** Return a moment as the fields of the list of runs take it: local time, to the minute. */
export function localOf(moment: string): string {
  const date = new Date(moment);
  const local = new Date(date.valueOf() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

const dayOf = (moment: number): string => new Date(moment).toISOString().slice(0, 10);

const validDay = (text: string | null): string | null =>
  text && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
