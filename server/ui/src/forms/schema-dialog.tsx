/** A dialog with a form made from a schema; what the server refuses is said at its fields. */
import { type ReactNode, useState } from "react";
import { formWords } from "#words/forms.ts";
import { ApiError } from "../api/client.ts";
import { FormDialog } from "../parts/dialog.tsx";
import { initialValue } from "./initial.ts";
import { type Problems, problemsOf, problemsOfBody } from "./problems.ts";
import type { Schema } from "./schema.ts";
import { type FormatField, SchemaForm } from "./schema-form.tsx";

interface DialogProperties<T> {
  title: string;
  submit: string;
  schema: Schema;
  formats?: Readonly<Record<string, FormatField>>;
  /** What the form begins with, beyond the defaults of the schema. */
  initial?: Partial<T>;
  onSubmit(value: T): Promise<unknown>;
  onClose(): void;
  children?: ReactNode;
}

export function SchemaDialog<T>(properties: DialogProperties<T>) {
  const { schema, formats = {}, onSubmit } = properties;
  const [value, setValue] = useState<unknown>(() => ({
    ...(initialValue(schema, schema) as object),
    ...properties.initial,
  }));
  const [problems, setProblems] = useState<Problems>({});
  const change = (changed: unknown) => {
    setValue(changed);
    // What was said of a field holds until it is mended.
    if (Object.keys(problems).length > 0) setProblems(problemsOf(schema, changed, schema));
  };
  const submit = async () => {
    const found = problemsOf(schema, value, schema);
    setProblems(found);
    if (Object.keys(found).length > 0) throw new Error(formWords.check);
    try {
      await onSubmit(value as T);
    } catch (error) {
      if (error instanceof ApiError && error.status === 422)
        setProblems(problemsOfBody(error.details));
      throw error;
    }
  };
  return (
    <FormDialog
      title={properties.title}
      submit={properties.submit}
      noValidate
      onClose={properties.onClose}
      onSubmit={submit}
    >
      {properties.children}
      <SchemaForm
        schema={schema}
        value={value}
        onChange={change}
        errors={problems}
        formats={formats}
      />
    </FormDialog>
  );
}
