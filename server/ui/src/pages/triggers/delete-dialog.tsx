/** Asks before something is deleted. */
import type { ReactNode } from "react";
import { triggerWords } from "#words/triggers.ts";
import { words } from "#words/words.ts";
import { call } from "../../api/client.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { say } from "../../shell/status.ts";

interface DeleteProperties {
  name: string;
  path: string;
  onDone(): void;
  onClose(): void;
  children?: ReactNode;
}

export function DeleteDialog({ name, path, onDone, onClose, children }: DeleteProperties) {
  const remove = async () => {
    await call("DELETE", path);
    say(triggerWords.deleted(name));
    onClose();
    onDone();
  };
  return (
    <FormDialog
      title={triggerWords.deleteTitle(name)}
      submit={words.common.delete}
      isDanger
      onClose={onClose}
      onSubmit={remove}
    >
      {children ?? <p>{triggerWords.deleteHint}</p>}
    </FormDialog>
  );
}
