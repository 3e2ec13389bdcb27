/** One field of a node: what is entered becomes a change of the text when the field is left. */
import { useEffect, useState } from "react";
import { parse, stringify } from "yaml";
import { builderWords } from "#words/builder.ts";
import { words } from "#words/words.ts";
import { Choices } from "../parts/buttons.tsx";
import { CheckField, SelectField, TextArea, TextField } from "../parts/fields.tsx";
import type { FieldSchema } from "./config-fields.ts";

interface NodeFieldProperties {
  name: string;
  field: FieldSchema;
  value: unknown;
  /** What the diagnostics say of it. */
  error?: string | undefined;
  /** The values to choose from: names of models, ids of nodes. */
  suggestions?: readonly string[];
  onChange(value: unknown): void;
}

export function NodeField(properties: NodeFieldProperties) {
  const { name, field, value, onChange } = properties;
  const about = {
    label: <code>{name}</code>,
    hint: field.description,
    error: properties.error,
    required: field.isRequired,
  };
  if (field.kind === "boolean" && (typeof value === "boolean" || value === undefined)) {
    return (
      <CheckField
        {...about}
        checked={value ?? field.shown === "true"}
        onChange={(event) => onChange(event.target.checked)}
      />
    );
  }
  if (field.kind === "choice" && (value === undefined || field.choices.includes(String(value)))) {
    return (
      <SelectField
        {...about}
        value={value === undefined ? "" : String(value)}
        onChange={(event) => onChange(event.target.value || undefined)}
      >
        <option value="">{field.shown || "–"}</option>
        {field.choices.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </SelectField>
    );
  }
  return field.kind === "yaml" ? (
    <OpenField {...properties} />
  ) : typeof value === "object" && value !== null ? (
    <YamlField {...properties} />
  ) : (
    <WrittenField {...properties} about={about} />
  );
}

/** A value that may be a text or have parts: it is written as the one or the other. */
function OpenField(properties: NodeFieldProperties) {
  const { field, value, name } = properties;
  const hasParts = typeof value === "object" && value !== null;
  const [isYaml, setYaml] = useState(hasParts || !field.takesText);
  if (!field.takesText) return <YamlField {...properties} />;
  const text = { ...field, kind: "text" as const };
  const { description: hint, isRequired: required } = field;
  const about = { label: <code>{name}</code>, hint, error: properties.error, required };
  return (
    <div className="stack open-field">
      <Choices
        label={`${name}: ${builderWords.writtenAs}`}
        value={isYaml ? "yaml" : "text"}
        of={[
          ["text", builderWords.asText],
          ["yaml", builderWords.asYaml],
        ]}
        onChange={(chosen) => setYaml(chosen === "yaml")}
      />
      {isYaml ? (
        <YamlField {...properties} />
      ) : (
        <WrittenField
          {...properties}
          field={text}
          value={hasParts ? JSON.stringify(value) : value}
          about={about}
        />
      )}
    </div>
  );
}

/** A text or a number; an expression may stand for either. */
function WrittenField(
  properties: NodeFieldProperties & { about: Parameters<typeof TextField>[0] },
) {
  const { field, value, about, onChange, name, suggestions } = properties;
  const shown = value === undefined || value === null ? "" : String(value);
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const leave = () => {
    if (text === shown) return;
    const isNumber = field.kind === "number" && text.trim() !== "" && !Number.isNaN(Number(text));
    onChange(text === "" ? undefined : isNumber ? Number(text) : text);
  };
  const { label, hint, error, required } = about;
  if (field.kind === "text") {
    return (
      <TextArea
        {...{ label, hint, error, required }}
        className="code"
        rows={Math.min(14, Math.max(3, text.split("\n").length + 1))}
        placeholder={field.shown}
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onBlur={leave}
      />
    );
  }
  return (
    <>
      <TextField
        {...{ label, hint, error, required }}
        placeholder={field.shown}
        value={text}
        list={suggestions && suggestions.length > 0 ? `${name}-values` : undefined}
        onChange={(event) => setText(event.target.value)}
        onBlur={leave}
        onKeyDown={(event) => event.key === "Enter" && leave()}
      />
      {suggestions && (
        <datalist id={`${name}-values`}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}

/** A value that has no field of its own is written as YAML. */
function YamlField({ name, field, value, error, onChange }: NodeFieldProperties) {
  const shown = value === undefined ? "" : stringify(value, { lineWidth: 0 }).trimEnd();
  const [text, setText] = useState(shown);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    setText(shown);
    setProblem("");
  }, [shown]);
  const leave = () => {
    if (text === shown) return;
    try {
      onChange(text.trim() === "" ? undefined : parse(text));
      setProblem("");
    } catch {
      setProblem(builderWords.yamlBroken);
    }
  };
  return (
    <TextArea
      label={
        <>
          <code>{name}</code> <span className="faint">{builderWords.asYaml}</span>
        </>
      }
      hint={field.description}
      error={problem || error}
      required={field.isRequired}
      className="code"
      rows={Math.min(12, Math.max(2, text.split("\n").length))}
      placeholder={field.shown || words.common.none}
      value={text}
      spellCheck={false}
      onChange={(event) => setText(event.target.value)}
      onBlur={leave}
    />
  );
}
