/** The lists of runs. */
import { counted } from "../counted.ts";

export const runWords = {
  title: "Runs",
  status: "Status",
  workflow: "Workflow",
  started: "Started",
  duration: "Duration",
  by: "Started by",
  from: "From",
  to: "To",
  run: "Run",
  searchLabel: "Search runs",
  empty: "There are no runs yet",
  emptyHint: "A run begins with a call like this, or with “Run” on the page of a workflow.",
  noMatch: "No run matches these filters.",
  clear: "Clear the filters",
  live: "Live",
  new: (count: number) => counted(count, "new run", "new runs"),
  cost: "Cost",
  tokens: "Tokens",
  error: "Error",
};
