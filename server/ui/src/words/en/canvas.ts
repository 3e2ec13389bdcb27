/** The drawn graph, and its equal as a list. */
import { counted } from "../counted.ts";

export const canvasWords = {
  graph: "Graph",
  graphHelp:
    "Arrow up and down follow the edges, left and right go to nodes beside, Home and End to the first and last.",
  outline: "Outline",
  node: (id: string, type: string, text: string) => `${id}, ${type}${text}`,
  errors: (count: number) => counted(count, "error", "errors"),
  warnings: (count: number) => counted(count, "warning", "warnings"),
  breakpoint: "breakpoint",
  stopped: "the run stands here",
  joinsAll: "waits for all its edges",
  joinsFirst: "runs after the first of its edges, and cancels the others",
  joinsSome: (count: number) => `runs after ${count} of its edges, and cancels the others`,
  disabled: "disabled",
  fold: (id: string) => `Fold ${id}`,
  unfold: (id: string, count: number) => `Show the ${counted(count, "node", "nodes")} of ${id}`,
  inside: (count: number) => counted(count, "node", "nodes"),
  fit: "Show all",
  zoomIn: "Larger",
  zoomOut: "Smaller",
  stale: "As of the last text that could be read",
  unknownType: "unknown type",
  empty: "There are no nodes yet. Add one from the palette, or write one in the text.",
  groups: {
    ai: "Models",
    data: "Data",
    documents: "Documents",
    flow: "Flow",
    outside: "Services",
    people: "People",
    remote: "Registered",
  },
};
