/** A form made from a JSON Schema. */
import { type ReactNode, useId } from "react";
import { formWords } from "#words/forms.ts";
import { words } from "#words/words.ts";
import { isObject } from "../api/client.ts";
import { ListField } from "./list-field.tsx";
import type { Problems } from "./problems.ts";
import { fieldOf, propertiesOf, requiredOf, type Schema, titleOf, within } from "./schema.ts";
import "./forms.css";
import { SimpleField } from "./simple-fields.tsx";
import { VariantField } from "./variant-field.tsx";

/** What a field shows, and what it calls. */
export interface FieldProperties {
  schema: Schema;
  value: unknown;
  label: string;
  hint: ReactNode;
  error: string | undefined;
  isRequired: boolean;
  onChange(value: unknown): void;
}

/** Draws the fields of a `format` that only the caller knows, such as the name of a secret. */
export type FormatField = (properties: FieldProperties) => ReactNode;

interface FormProperties {
  schema: Schema;
  value: unknown;
  /** Gets the whole value; what is left empty is not in it. */
  onChange(value: unknown): void;
  errors?: Problems;
  formats?: Readonly<Record<string, FormatField>>;
}

/** The fields of an object, or the one field of any other schema; a button is the caller's. */
export function SchemaForm({ schema, value, onChange, errors = {}, formats = {} }: FormProperties) {
  const form: FormOf = { root: schema, errors, formats };
  const found = fieldOf(schema, schema);
  return (
    <div className="schema-form stack">
      {errors[""] !== undefined && (
        <p className="error-text" role="alert">
          {errors[""]}
        </p>
      )}
      {found.kind === "object" ? (
        <Fields form={form} schema={found.schema} value={value} onChange={onChange} pointer="" />
      ) : (
        <AnyField
          form={form}
          given={schema}
          name={formWords.value}
          value={value}
          onChange={onChange}
          pointer=""
          isRequired
        />
      )}
    </div>
  );
}

/** What all fields of a form share. */
export interface FormOf {
  root: Schema;
  errors: Problems;
  formats: Readonly<Record<string, FormatField>>;
}

export interface PlaceProperties {
  form: FormOf;
  pointer: string;
  value: unknown;
  onChange(value: unknown): void;
}

/** The fields of an object, one below the other. */
export function Fields({
  form,
  schema,
  value,
  onChange,
  pointer,
}: PlaceProperties & { schema: Schema }) {
  const required = requiredOf(schema);
  const current = isObject(value) ? value : {};
  const set = (name: string, changed: unknown) => {
    const { [name]: _, ...others } = current;
    // The order of the fields stays that of the schema.
    const all = changed === undefined ? others : { ...current, [name]: changed };
    onChange(all);
  };
  return propertiesOf(schema).map(([name, each]) => (
    <AnyField
      key={name}
      form={form}
      given={each}
      name={name}
      value={current[name]}
      pointer={within(pointer, name)}
      isRequired={required.has(name)}
      onChange={(changed) => set(name, changed)}
    />
  ));
}

/** The field of any schema. */
export function AnyField(
  properties: PlaceProperties & { given: unknown; name: string; isRequired: boolean },
) {
  const { form, given, name, pointer, value } = properties;
  const { schema, kind, isNullable, variants } = fieldOf(
    given,
    form.root,
    pointer.split("/").length,
  );
  const onChange = (changed: unknown) =>
    properties.onChange(
      changed === undefined && isNullable && properties.isRequired ? null : changed,
    );
  const field: FieldProperties = {
    schema,
    value: value === null && isNullable ? undefined : value,
    label: titleOf(schema, name),
    hint: <Hint schema={schema} />,
    error: form.errors[pointer],
    isRequired: properties.isRequired && !isNullable,
    onChange,
  };
  const own = typeof schema["format"] === "string" ? form.formats[schema["format"]] : undefined;
  if (own) return own(field);
  if (kind === "const") return null;
  if (kind === "object") return <ObjectField {...field} form={form} pointer={pointer} />;
  if (kind === "array") return <ListField {...field} form={form} pointer={pointer} />;
  if (kind === "variants")
    return <VariantField {...field} variants={variants} form={form} pointer={pointer} />;
  return <SimpleField {...field} kind={kind} />;
}

function ObjectField(properties: FieldProperties & { form: FormOf; pointer: string }) {
  return (
    <Group {...properties}>
      <Fields
        form={properties.form}
        schema={properties.schema}
        value={properties.value}
        onChange={properties.onChange}
        pointer={properties.pointer}
      />
    </Group>
  );
}

/** Fields that belong together, with what is said of all of them. */
export function Group(
  properties: Pick<FieldProperties, "label" | "hint" | "error" | "isRequired"> & {
    children: ReactNode;
  },
) {
  const id = useId();
  return (
    <fieldset className="group stack" aria-describedby={properties.error ? id : undefined}>
      <legend>
        {properties.label}
        {properties.isRequired && <span className="required"> ({words.common.required})</span>}
      </legend>
      {properties.hint && <div className="hint">{properties.hint}</div>}
      {properties.error && (
        <p className="error-text" id={id}>
          {properties.error}
        </p>
      )}
      {properties.children}
    </fieldset>
  );
}

function Hint({ schema }: { schema: Schema }) {
  const { description, default: usual } = schema;
  const isSaid = usual !== undefined && usual !== null && usual !== "" && !isObject(usual);
  const text = isSaid && !Array.isArray(usual) ? formWords.default(String(usual)) : "";
  const all = [typeof description === "string" ? description : "", text].filter(Boolean).join(" ");
  return all || null;
}
