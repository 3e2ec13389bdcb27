/** Makes a case of a run that has ended. */
import { useState } from "react";
import { caseWords } from "#words/cases.ts";
import { part, post } from "../api/client.ts";
import type { CaseOfRunBody } from "../api/types.ts";
import { FormDialog } from "../parts/dialog.tsx";
import { CheckField } from "../parts/fields.tsx";
import { say } from "../shell/status.ts";
import { EndedRuns } from "./ended-runs.tsx";
import { type WrittenCase, written } from "./written.ts";

interface CaseOfRunProperties {
  id: string;
  onClose(): void;
  onMade(made: WrittenCase): void;
}

export function CaseOfRun({ id, onClose, onMade }: CaseOfRunProperties) {
  const [run, setRun] = useState("");
  const [mocksAll, setMocksAll] = useState(false);
  return (
    <FormDialog
      title={caseWords.fromRunTitle}
      submit={caseWords.fromRun}
      onClose={onClose}
      onSubmit={async () => {
        const body = { mocks: mocksAll ? "all" : "outside" };
        const made = await post<CaseOfRunBody>(`/runs/${part(run)}/case`, body);
        if (made.notes.length > 0) say(made.notes.join(" "));
        onMade(written(made.case));
        onClose();
      }}
    >
      <p>{caseWords.fromRunHint}</p>
      <EndedRuns id={id} value={run} onChange={setRun} />
      <CheckField
        label={caseWords.mocksAll}
        checked={mocksAll}
        onChange={(event) => setMocksAll(event.target.checked)}
      />
    </FormDialog>
  );
}
