/** Dates, numbers and sizes, as the person's locale writes them. */

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const plain = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumFractionDigits: 4,
});
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export const formatMoment = (text: string): string => moment.format(new Date(text));
export const formatNumber = (value: number): string => plain.format(value);
export const formatPercent = (value: number): string => percent.format(value);
export const formatCost = (value: number): string => dollars.format(value);

/** Return how long ago a moment was; the date for those over a month ago. */
export function formatAgo(text: string, now = Date.now()): string {
  const seconds = (Date.parse(text) - now) / 1_000;
  if (Math.abs(seconds) > 30 * 86_400) return formatMoment(text);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(0, "second");
}

/** Return a duration, of which two units say enough: `340 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 1) return `${plain.format(Math.round(milliseconds))} ms`;
  if (seconds < 60) return `${plain.format(Math.round(seconds * 10) / 10)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${plain.format(Math.floor(whole / 3_600))} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** Return a number of bytes in the largest unit that leaves at least 1. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${plain.format(bytes)} B`;
  const kilobytes = bytes / 1_000;
  if (kilobytes < 1_000) return `${plain.format(Math.round(kilobytes * 10) / 10)} kB`;
  return `${plain.format(Math.round(kilobytes / 100) / 10)} MB`;
}
