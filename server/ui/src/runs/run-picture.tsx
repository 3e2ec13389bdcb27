/** The nodes of a run: drawn, or as a list that says the same. */
import { useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { Choices } from "../parts/buttons.tsx";
import { later } from "../parts/later.tsx";
import { RunGraph } from "./run-graph.tsx";
import type { RunModel } from "./run-store.ts";

const RunCanvas = later(() => import("./run-canvas.tsx"));
const KEPT = "flowc.run-picture";

interface RunPictureProperties {
  model: RunModel;
  chosen: string | null;
  onChoose(name: string): void;
  /** Add or remove a breakpoint, by F9; null if that is not possible. */
  onToggleStop: ((name: string) => void) | null;
}

export function RunPicture(properties: RunPictureProperties) {
  const [kind, setKind] = useState(
    () => localStorage.getItem(KEPT) ?? (innerWidth > 720 ? "canvas" : "list"),
  );
  const choose = (chosen: string) => {
    localStorage.setItem(KEPT, chosen);
    setKind(chosen);
  };
  return (
    <>
      <Choices
        label={runViewWords.picture}
        value={kind}
        of={[
          ["canvas", runViewWords.pictures.canvas],
          ["list", runViewWords.pictures.list],
        ]}
        onChange={choose}
      />
      {kind === "list" ? <RunGraph {...properties} /> : <RunCanvas {...properties} />}
    </>
  );
}
