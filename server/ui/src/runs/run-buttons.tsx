/** What can be done with a run, by its status. */
import { useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { part, post } from "../api/client.ts";
import { may } from "../api/session.ts";
import { Button } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { Link } from "../shell/router.tsx";
import { say } from "../shell/status.ts";
import { useStore } from "../state/store.ts";
import { useTask } from "../state/task.ts";
import type { RunStatus } from "./run-model.ts";
import type { RunModel } from "./run-store.ts";

type Act = "pause" | "resume" | "retry";
type End = "cancel" | "terminate";

const ACTS: Record<Act, readonly RunStatus[]> = {
  pause: ["pending", "running", "waiting"],
  resume: ["paused"],
  retry: ["failed"],
};
const UNFINISHED: readonly RunStatus[] = ["pending", "running", "waiting", "paused"];

export function RunButtons(properties: {
  model: RunModel;
  status: RunStatus;
  onReplay(): void;
  onCompare(): void;
}) {
  const { model, status } = properties;
  const task = useTask();
  const [end, setEnd] = useState<End | null>(null);
  const mayControl = may("runs:control");
  const path = `/runs/${part(model.id)}`;
  const act = (name: Act) =>
    task.run(async () => {
      await post(`${path}/${name}`);
      say(runViewWords.done[name]);
      await model.refresh();
    });
  return (
    <div className="stack">
      <div className="row">
        <Answer model={model} />
        {mayControl &&
          (Object.keys(ACTS) as Act[])
            .filter((name) => ACTS[name].includes(status))
            .map((name) => (
              <Button key={name} isBusy={task.isBusy} onClick={() => void act(name)}>
                {runViewWords.buttons[name]}
              </Button>
            ))}
        {mayControl && UNFINISHED.includes(status) && (
          <>
            <Button onClick={() => setEnd("cancel")}>{runViewWords.buttons.cancel}</Button>
            <Button kind="danger" onClick={() => setEnd("terminate")}>
              {runViewWords.buttons.terminate}
            </Button>
          </>
        )}
        {may("runs:control") && (
          <Button onClick={properties.onReplay}>{runViewWords.buttons.replay}</Button>
        )}
        <Button onClick={properties.onCompare}>{runViewWords.buttons.compare}</Button>
      </div>
      {task.error !== undefined && <ErrorNotice error={task.error} />}
      {end && (
        <EndDialog
          end={end}
          onClose={() => setEnd(null)}
          onEnd={async (reason) => {
            await post(`${path}/${end}`, { reason: reason || null });
            say(runViewWords.done[end]);
            setEnd(null);
            await model.refresh();
          }}
        />
      )}
    </div>
  );
}

/** Links to the questions that the run waits with. */
function Answer({ model }: { model: RunModel }) {
  const view = useStore(model.store, (value) => value.view);
  const asked = view.executions.filter(
    (each) => each.state === "waiting" && each.waitsFor?.kind === "human",
  );
  return asked.map((each) => (
    <Link
      key={each.number}
      className="button primary"
      to={`/ui/tasks/${part(each.waitsFor?.id ?? "")}`}
    >
      {runViewWords.buttons.answer}
      {asked.length > 1 && `: ${each.name}`}
    </Link>
  ));
}

function EndDialog(properties: {
  end: End;
  onEnd(reason: string): Promise<void>;
  onClose(): void;
}) {
  const [reason, setReason] = useState("");
  const isCancel = properties.end === "cancel";
  const said = runViewWords.ends;
  return (
    <FormDialog
      title={isCancel ? said.cancelTitle : said.terminateTitle}
      submit={runViewWords.buttons[properties.end]}
      isDanger
      onSubmit={() => properties.onEnd(reason)}
      onClose={properties.onClose}
    >
      <p>{isCancel ? said.cancelHint : said.terminateHint}</p>
      <TextField
        label={said.reason}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}
