/** Begins a workflow: as a draft, which nothing runs until it is published. */

import { useState } from "react";
import { words } from "#words/words.ts";
import { workflowWords } from "#words/workflows.ts";
import { call, part } from "../../api/client.ts";
import { FormDialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/fields.tsx";
import { navigate } from "../../shell/router.tsx";
import Beginnings from "./beginnings.tsx";
import type { TemplateName } from "./templates.ts";

/** What a new workflow begins with: a template, or the text of another one. */
export interface Wanted {
  template?: TemplateName;
  source?: string;
  of?: string;
}

export default function NewWorkflow({ wanted, onClose }: { wanted: Wanted; onClose(): void }) {
  const [id, setId] = useState(wanted.of ? `${wanted.of}-copy` : "");
  const [template, setTemplate] = useState<TemplateName>(wanted.template ?? "empty");
  const submit = async () => {
    // Their texts are loaded when one is taken.
    const source = wanted.source ?? (await import("./templates.ts")).TEMPLATES[template];
    const format = source.trimStart().startsWith("{") ? "json" : "yaml";
    await call("PUT", `/workflows/${part(id)}/draft`, {
      body: { source, format },
      headers: { "if-none-match": "*" },
    });
    navigate(`/ui/workflows/${part(id)}`);
  };
  return (
    <FormDialog
      title={wanted.of ? workflowWords.copyTitle(wanted.of) : workflowWords.new}
      submit={words.common.create}
      isWide={!wanted.of}
      onClose={onClose}
      onSubmit={submit}
    >
      <TextField
        label={workflowWords.id}
        hint={workflowWords.idHint}
        required
        pattern="[A-Za-z0-9][A-Za-z0-9_\-]*"
        maxLength={128}
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
      {wanted.source === undefined && <Beginnings chosen={template} onChoose={setTemplate} />}
    </FormDialog>
  );
}
