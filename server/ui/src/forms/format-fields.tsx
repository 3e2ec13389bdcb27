/** Fields of formats that several forms have: a workflow, a secret's name, a time zone, a file. */
import { useId, useState } from "react";
import { formWords } from "#words/forms.ts";
import { get } from "../api/client.ts";
import { may } from "../api/session.ts";
import type { SecretsBody, WorkflowPage } from "../api/types.ts";
import { upload } from "../api/upload.ts";
import { SelectField, TextField } from "../parts/fields.tsx";
import { useLoad } from "../state/load.ts";
import type { FieldProperties, FormatField } from "./schema-form.tsx";

export const FORMATS: Readonly<Record<string, FormatField>> = {
  workflow: (field) => <WorkflowField {...field} />,
  secret: (field) => <SecretField {...field} />,
  timezone: (field) => <ListedField {...field} of={ZONES} />,
  file: (field) => <FileField {...field} />,
};

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

function WorkflowField({ label, hint, error, isRequired, value, onChange }: FieldProperties) {
  const listed = useLoad("workflow ids", (signal) =>
    get<WorkflowPage>("/workflows", { fields: "id", limit: 200 }, signal),
  );
  const ids = listed.data?.items.map((each) => each.id) ?? [];
  const chosen = typeof value === "string" ? value : "";
  return (
    <SelectField
      label={label}
      hint={hint}
      error={error}
      required={isRequired}
      value={chosen}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">{isRequired ? formWords.choose : "–"}</option>
      {[...new Set([...(chosen ? [chosen] : []), ...ids])].map((each) => (
        <option key={each}>{each}</option>
      ))}
    </SelectField>
  );
}

function SecretField(field: FieldProperties) {
  const listed = useLoad("secret names", async (signal) =>
    may("secrets:manage") ? await get<SecretsBody>("/secrets", {}, signal) : null,
  );
  return <ListedField {...field} of={listed.data?.items.map((each) => each.name) ?? []} />;
}

/** A text with proposals. */
function ListedField(properties: FieldProperties & { of: string[] }) {
  const { label, hint, error, isRequired, value, onChange } = properties;
  const id = useId();
  return (
    <>
      <TextField
        label={label}
        hint={hint}
        error={error}
        required={isRequired}
        list={id}
        autoComplete="off"
        value={typeof value === "string" ? value : ""}
        onChange={(event) => onChange(event.target.value || undefined)}
      />
      <datalist id={id}>
        {properties.of.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}

/** A file that is uploaded when it is chosen; the value is its id. */
function FileField({ label, hint, error, isRequired, value, onChange }: FieldProperties) {
  const [state, setState] = useState("");
  const send = async (file: File | undefined) => {
    if (!file) return onChange(undefined);
    setState(formWords.uploading);
    try {
      const body = await upload(file, () => undefined);
      onChange(body.id);
      setState(formWords.uploaded(file.name));
    } catch (problem) {
      onChange(undefined);
      setState(problem instanceof Error ? problem.message : String(problem));
    }
  };
  const known = typeof value === "string" ? formWords.uploaded(value) : "";
  return (
    <TextField
      type="file"
      label={label}
      hint={
        <>
          {hint} <span role="status">{state || known}</span>
        </>
      }
      error={error}
      required={isRequired && typeof value !== "string"}
      onChange={(event) => void send(event.target.files?.[0])}
    />
  );
}
