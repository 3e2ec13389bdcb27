/** Tables as files of comma-separated values. */

/** Return rows as CSV; what a spreadsheet could read as a formula is kept a text. */
export function csvOf(head: readonly string[], rows: readonly (string | number)[][]): string {
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
