/** Asks before a workflow is deleted. */
import { words } from "#words/words.ts";
import { workflowWords } from "#words/workflows.ts";
import { call, part } from "../../api/client.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { say } from "../../shell/status.ts";

interface DeleteWorkflowProperties {
  id: string;
  onClose(): void;
  onDone(): void;
}

export default function DeleteWorkflow({ id, onClose, onDone }: DeleteWorkflowProperties) {
  return (
    <FormDialog
      title={workflowWords.deleteTitle(id)}
      submit={words.common.delete}
      isDanger
      onClose={onClose}
      onSubmit={async () => {
        await call("DELETE", `/workflows/${part(id)}`);
        say(workflowWords.deleted(id));
        onDone();
      }}
    >
      <p>{workflowWords.deleteHint}</p>
    </FormDialog>
  );
}
