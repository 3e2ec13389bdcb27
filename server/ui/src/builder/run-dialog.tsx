/** Runs the text as it is written here, with an input from a form or in JSON. */
import { useState } from "react";
import { builderWords } from "#words/builder.ts";
import { formWords } from "#words/forms.ts";
import { isObject, part, post } from "../api/client.ts";
import { FORMATS } from "../forms/format-fields.tsx";
import { initialValue } from "../forms/initial.ts";
import { type Problems, problemsOf } from "../forms/problems.ts";
import type { Schema } from "../forms/schema.ts";
import { SchemaForm } from "../forms/schema-form.tsx";
import { Choices } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { CheckField, TextArea } from "../parts/fields.tsx";
import { useStore } from "../state/store.ts";
import { dataOf } from "../text/edits.ts";
import { nodeAt } from "./gestures.ts";
import type { Builder } from "./model.ts";

interface RunDialogProperties {
  builder: Builder;
  onClose(): void;
  onStarted(id: string): void;
}

export default function RunDialog({ builder, onClose, onStarted }: RunDialogProperties) {
  const schema = useStore(builder.store, (state) => state.check?.input_schema ?? null);
  const [input, setInput] = useState<unknown>(() => begun(builder.id, schema));
  const [json, setJson] = useState(() => JSON.stringify(input, null, 2));
  const [kind, setKind] = useState(schema === null ? "json" : "form");
  const graph = useStore(builder.store, (state) => state.graph);
  const chosen = useStore(builder.store, (state) => state.breakpoints);
  // Those of nodes that were taken out meanwhile mean nothing.
  const breakpoints = chosen.filter((path) => graph && nodeAt(graph, path) !== null);
  const [stepping, setStepping] = useState(false);
  const [problems, setProblems] = useState<Problems>({});
  const [broken, setBroken] = useState("");
  const choose = (chosen: string) => {
    const written = objectIn(json);
    if (chosen === "json") setJson(JSON.stringify(input, null, 2));
    else if (written !== null) setInput(written);
    setKind(chosen);
  };
  const start = async () => {
    const data = kind === "json" ? objectIn(json) : input;
    setBroken(data === null ? builderWords.runInputBroken : "");
    if (!isObject(data)) throw new Error(builderWords.runInputBroken);
    const found = schema === null ? {} : problemsOf(schema, data, schema);
    setProblems(found);
    if (kind === "form" && Object.keys(found).length > 0) throw new Error(formWords.check);
    localStorage.setItem(keyOf(builder.id), JSON.stringify(data));
    const { text, stored } = builder.store.get();
    onStarted(await runText(builder.id, text, stored, { input: data, stepping, breakpoints }));
  };
  return (
    <FormDialog
      title={builderWords.runTitle}
      submit={builderWords.runStart}
      noValidate
      onClose={onClose}
      onSubmit={start}
    >
      <p>{builderWords.runDraft}</p>
      {schema !== null && (
        <Choices
          label={builderWords.runAs}
          value={kind}
          of={[
            ["form", builderWords.runForms.form],
            ["json", builderWords.runForms.json],
          ]}
          onChange={choose}
        />
      )}
      {kind === "form" && schema !== null ? (
        <SchemaForm
          schema={schema}
          value={input}
          onChange={setInput}
          errors={problems}
          formats={FORMATS}
        />
      ) : (
        <TextArea
          label={builderWords.runInput}
          error={broken}
          className="code"
          rows={6}
          value={json}
          spellCheck={false}
          onChange={(event) => setJson(event.target.value)}
        />
      )}
      {breakpoints.length > 0 && (
        <p className="hint">{builderWords.stopsAt(breakpoints.join(", "))}</p>
      )}
      <CheckField
        label={builderWords.stepping}
        checked={stepping}
        onChange={(event) => setStepping(event.target.checked)}
      />
    </FormDialog>
  );
}

const keyOf = (id: string): string => `flowc.input.${id}`;

/** Return what the last run began with; else what the schema begins with. */
function begun(id: string, schema: Schema | null): unknown {
  const last = objectIn(localStorage.getItem(keyOf(id)) ?? "");
  const first = schema === null ? {} : (initialValue(schema, schema) as object);
  return { ...first, ...last };
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const data: unknown = JSON.parse(text);
    return isObject(data) ? data : null;
  } catch {
    return null;
  }
}

/** Start a run: of the published version if this is its text, else of the text as it is. */
async function runText(
  id: string,
  text: string,
  stored: { text: string; etag: string | null; version: number | null },
  asked: { input: Record<string, unknown>; stepping: boolean; breakpoints: string[] },
): Promise<string> {
  const options = { ...asked, wait: false };
  const headers = { "idempotency-key": crypto.randomUUID() };
  const isPublished = stored.version !== null && stored.etag === null && stored.text === text;
  const path = isPublished ? `/workflows/${part(id)}/execute` : "/workflows/execute";
  const body = isPublished ? options : { ...options, definition: dataOf(text) };
  return (await post<{ run_id: string }>(path, body, { headers })).run_id;
}
