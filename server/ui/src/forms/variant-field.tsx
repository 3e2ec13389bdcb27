/** The field of a value that may have one of several schemas: which one, and then its field. */
import { Fragment, useState } from "react";
import { formWords } from "#words/forms.ts";
import { isObject } from "../api/client.ts";
import { SelectField } from "../parts/fields.tsx";
import { initialValue } from "./initial.ts";
import { problemsOf } from "./problems.ts";
import { fieldOf, type Schema } from "./schema.ts";
import { AnyField, type FieldProperties, Fields, type FormOf, Group } from "./schema-form.tsx";

interface VariantProperties extends FieldProperties {
  variants: Schema[];
  form: FormOf;
  pointer: string;
}

export function VariantField(properties: VariantProperties) {
  const { variants, form, pointer, value, label, isRequired, onChange } = properties;
  const [chosen, setChosen] = useState(() => variantOf(variants, value, form.root));
  const isLeftOut = value === undefined && !isRequired;
  const at = isLeftOut ? -1 : Math.max(chosen, 0);
  const choose = (index: number) => {
    setChosen(index);
    onChange(
      index < 0
        ? undefined
        : (initialValue(variants[index], form.root) ?? emptyOf(variants[index], form.root)),
    );
  };
  const found = at >= 0 ? fieldOf(variants[at], form.root) : null;
  const place = { form, value, pointer, onChange };
  const isObjectKind = found?.kind === "object";
  const inside =
    found && isObjectKind ? (
      <Fields {...place} schema={found.schema} />
    ) : (
      <AnyField
        {...place}
        given={{ title: label, ...variants[at] }}
        name={label}
        isRequired={isRequired}
      />
    );
  return (
    <Group {...properties} error={isObjectKind ? properties.error : undefined}>
      <SelectField
        label={formWords.kindOf(label)}
        isBare
        value={at}
        onChange={(event) => choose(Number(event.target.value))}
      >
        {!isRequired && <option value={-1}>–</option>}
        {variants.map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the kinds of a schema stay in their order
          <option key={index} value={index}>
            {nameOf(each, form.root, index)}
          </option>
        ))}
      </SelectField>
      {at >= 0 && <Fragment key={at}>{inside}</Fragment>}
    </Group>
  );
}

/** Return the first of several schemas that a value fits, or else the one of its type. */
function variantOf(variants: Schema[], value: unknown, root: Schema): number {
  const fits = variants.findIndex(
    (each) => value !== undefined && Object.keys(problemsOf(each, value, root)).length === 0,
  );
  if (fits >= 0) return fits;
  return variants.findIndex((each) => fieldOf(each, root).schema["type"] === typeOf(value));
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : isObject(value) ? "object" : typeof value;
}

/** A kind that is chosen is there, also before anything is entered. */
function emptyOf(variant: unknown, root: Schema): unknown {
  const { kind, schema } = fieldOf(variant, root);
  if (kind === "string" || kind === "long") return "";
  if (kind === "enum") return (schema["enum"] as unknown[])[0];
  return kind === "number" || kind === "integer" ? 0 : kind === "json" ? {} : undefined;
}

function nameOf(variant: Schema, root: Schema, index: number): string {
  const { schema } = fieldOf(variant, root);
  if (typeof schema["title"] === "string") return schema["title"];
  if ("const" in schema) return String(schema["const"]);
  const names: Record<string, string> = formWords.types;
  const type = names[String(schema["type"])];
  const words = typeof schema["description"] === "string" ? schema["description"] : "";
  return words && words.length < 60 ? words : (type ?? formWords.kind(index + 1));
}
