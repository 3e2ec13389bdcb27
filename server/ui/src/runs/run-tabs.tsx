/** The views of a run, for its page and wherever else a run is shown. */
import { runViewWords } from "#words/run-view.ts";
import { Tabs } from "../parts/tabs.tsx";
import { RunDefinitionView } from "./run-definition.tsx";
import { RunLog } from "./run-log.tsx";
import { RunCost, RunOutput } from "./run-outputs.tsx";
import { RunPicture } from "./run-picture.tsx";
import { RunState } from "./run-state.tsx";
import type { RunModel } from "./run-store.ts";
import { Timeline } from "./timeline.tsx";
import "./runs.css";

export function RunTabs(properties: {
  model: RunModel;
  tab: string;
  onTab(tab: string): void;
  node: string | null;
  /** Number of the chosen execution. */
  number: number | null;
  onChoose(node: string, number: number | null): void;
  onReplayAfter: ((number: number) => void) | null;
  onToggleStop: ((name: string) => void) | null;
}) {
  const { model, node, number, onChoose } = properties;
  const names = runViewWords.tabs;
  return (
    <Tabs
      label={runViewWords.views}
      chosen={properties.tab}
      onChoose={properties.onTab}
      tabs={[
        {
          id: "graph",
          label: names.graph,
          content: () => (
            <RunPicture
              model={model}
              chosen={node}
              onChoose={(name) => onChoose(name, null)}
              onToggleStop={properties.onToggleStop}
            />
          ),
        },
        {
          id: "timeline",
          label: names.timeline,
          content: () => <Timeline model={model} chosen={number} onChoose={onChoose} />,
        },
        {
          id: "log",
          label: names.log,
          content: () => <RunLog model={model} onReplayAfter={properties.onReplayAfter} />,
        },
        { id: "output", label: names.output, content: () => <RunOutput model={model} /> },
        { id: "state", label: names.state, content: () => <RunState model={model} /> },
        { id: "cost", label: names.cost, content: () => <RunCost model={model} /> },
        {
          id: "definition",
          label: names.definition,
          content: () => <RunDefinitionView model={model} />,
        },
      ]}
    />
  );
}
