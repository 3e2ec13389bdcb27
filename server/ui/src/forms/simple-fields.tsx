/** Fields of values without parts: texts, numbers, choices, dates, and JSON for all else. */
import { useState } from "react";
import { formWords } from "#words/forms.ts";
import { CheckField, SelectField, TextArea, TextField } from "../parts/fields.tsx";
import { type FieldKind, UnreadableJson } from "./schema.ts";
import type { FieldProperties } from "./schema-form.tsx";

type Simple = FieldProperties & { kind: FieldKind };

export function SimpleField(properties: Simple) {
  switch (properties.kind) {
    case "boolean":
      return <YesNo {...properties} />;
    case "enum":
      return <Choice {...properties} />;
    case "number":
    case "integer":
      return <NumberField {...properties} />;
    case "long":
      return <LongText {...properties} />;
    case "date-time":
      return <MomentField {...properties} />;
    case "json":
      return <JsonField {...properties} />;
    default:
      return <Text {...properties} />;
  }
}

const about = ({ label, hint, error, isRequired }: Simple) => ({
  label,
  hint,
  error,
  required: isRequired,
});
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function Text(properties: Simple) {
  const { schema, kind, value, onChange } = properties;
  const types: Record<string, string> = { email: "email", uri: "url", password: "password" };
  const type = kind === "string" ? (types[String(schema["format"])] ?? "text") : kind;
  // Short text that became long is easier to read in several lines.
  if (textOf(value).includes("\n")) return <LongText {...properties} />;
  return (
    <TextField
      {...about(properties)}
      type={type}
      autoComplete="off"
      value={textOf(value)}
      onChange={(event) => onChange(event.target.value || undefined)}
    />
  );
}

function LongText(properties: Simple) {
  return (
    <TextArea
      {...about(properties)}
      rows={4}
      value={textOf(properties.value)}
      onChange={(event) => properties.onChange(event.target.value || undefined)}
    />
  );
}

function NumberField(properties: Simple) {
  const { value, onChange } = properties;
  const [text, setText] = useState(() => (value === undefined ? "" : String(value)));
  // What is typed stays as it is, such as `1.` on the way to `1.5`.
  const shown = numberOf(text) === value ? text : value === undefined ? "" : String(value);
  return (
    <TextField
      {...about(properties)}
      inputMode={properties.kind === "integer" ? "numeric" : "decimal"}
      autoComplete="off"
      value={shown}
      onChange={(event) => {
        setText(event.target.value);
        onChange(numberOf(event.target.value));
      }}
    />
  );
}

/** Return the number that a text is; the text itself if it is none, undefined for an empty one. */
function numberOf(text: string): number | string | undefined {
  if (text.trim() === "") return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function YesNo(properties: Simple) {
  const { label, hint, error, value, onChange } = properties;
  return (
    <CheckField
      label={label}
      hint={hint}
      error={error}
      checked={value === true}
      onChange={(event) => onChange(event.target.checked)}
    />
  );
}

function Choice(properties: Simple) {
  const { schema, value, onChange } = properties;
  const choices = schema["enum"] as unknown[];
  const chosen = choices.findIndex((each) => JSON.stringify(each) === JSON.stringify(value));
  return (
    <SelectField
      {...about(properties)}
      value={chosen}
      onChange={(event) => onChange(choices[Number(event.target.value)])}
    >
      <option value={-1}>{properties.isRequired ? formWords.choose : "–"}</option>
      {choices.map((each, index) => (
        <option key={JSON.stringify(each)} value={index}>
          {typeof each === "string" ? each : JSON.stringify(each)}
        </option>
      ))}
    </SelectField>
  );
}

function MomentField(properties: Simple) {
  const { value, onChange } = properties;
  return (
    <TextField
      {...about(properties)}
      type="datetime-local"
      value={localOf(textOf(value))}
      onChange={(event) => {
        const found = new Date(event.target.value);
        onChange(Number.isNaN(found.valueOf()) ? undefined : found.toISOString());
      }}
    />
  );
}

/** Return a moment as the field of a browser has it, in the person's own time. */
function localOf(text: string): string {
  const moment = new Date(text);
  if (Number.isNaN(moment.valueOf())) return "";
  return new Date(moment.valueOf() - moment.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, 16);
}

function JsonField(properties: Simple) {
  const { value, onChange } = properties;
  const [text, setText] = useState(() => jsonOf(value));
  const shown = isJsonOf(text, value) ? text : jsonOf(value);
  const hint = properties.hint ? (
    <>
      {properties.hint} {formWords.json}
    </>
  ) : (
    formWords.json
  );
  return (
    <TextArea
      {...about(properties)}
      hint={hint}
      className="code"
      spellCheck={false}
      rows={3}
      value={shown}
      onChange={(event) => {
        setText(event.target.value);
        onChange(parsed(event.target.value));
      }}
    />
  );
}

function jsonOf(value: unknown): string {
  if (value instanceof UnreadableJson) return value.text;
  return value === undefined ? "" : (JSON.stringify(value, null, 2) ?? "");
}

function parsed(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new UnreadableJson(text);
  }
}

function isJsonOf(text: string, value: unknown): boolean {
  const found = parsed(text);
  if (found instanceof UnreadableJson)
    return value instanceof UnreadableJson && value.text === text;
  return JSON.stringify(found) === JSON.stringify(value);
}
