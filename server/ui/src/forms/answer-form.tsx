/** The form with which a person answers a question: its fields, and a button for each choice. */
import { type FormEvent, useRef, useState } from "react";
import { formWords } from "#words/forms.ts";
import { taskWords } from "#words/tasks.ts";
import { ApiError, isObject } from "../api/client.ts";
import { Button } from "../parts/buttons.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { initialValue } from "./initial.ts";
import { type Problems, problemsOf, problemsOfServer } from "./problems.ts";
import type { Question } from "./question.ts";
import { SchemaForm } from "./schema-form.tsx";

interface AnswerProperties {
  question: Question;
  /** Sends the answer; what it raises is shown in the form. */
  onAnswer(answer: Record<string, unknown>): Promise<void>;
}

export function AnswerForm({ question, onAnswer }: AnswerProperties) {
  const { form, choices } = question;
  const [value, setValue] = useState<unknown>(() => (form ? initialValue(form, form) : {}));
  const [problems, setProblems] = useState<Problems>({});
  const [error, setError] = useState<unknown>();
  const [sent, setSent] = useState<string | null>(null);
  const ref = useRef<HTMLFormElement>(null);
  const refuse = (found: Problems) => {
    setProblems(found);
    requestAnimationFrame(() =>
      ref.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(),
    );
  };
  const change = (changed: unknown) => {
    setValue(changed);
    // What was said of a field holds until it is mended.
    if (form && Object.keys(problems).length > 0) setProblems(problemsOf(form, changed, form));
  };
  const send = async (choice?: string) => {
    const found = form ? problemsOf(form, value, form) : {};
    setError(undefined);
    if (Object.keys(found).length > 0) return refuse(found);
    setProblems({});
    setSent(choice ?? "");
    try {
      const fields = isObject(value) ? value : {};
      await onAnswer(choice === undefined ? fields : { ...fields, choice });
    } catch (caught) {
      const isRefused = caught instanceof ApiError && caught.code === "answer-refused";
      if (isRefused) refuse(problemsOfServer(caught.details, "answer"));
      else setError(caught);
    } finally {
      setSent(null);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // With choices, Enter in a field decides nothing.
    if (choices.length === 0) void send();
  };
  return (
    <form ref={ref} className="stack" noValidate onSubmit={submit}>
      {form && <SchemaForm schema={form} value={value} onChange={change} errors={problems} />}
      {Object.keys(problems).length > 0 && !("" in problems) && (
        <p className="error-text" role="alert">
          {formWords.check}
        </p>
      )}
      {error !== undefined && <ErrorNotice error={error} />}
      <div className="row">
        {choices.map((choice, index) => (
          <Button
            key={choice}
            kind={index === 0 ? "primary" : "plain"}
            isBusy={sent === choice}
            disabled={sent !== null}
            onClick={() => void send(choice)}
          >
            {choice}
          </Button>
        ))}
        {choices.length === 0 && (
          <Button type="submit" kind="primary" isBusy={sent !== null}>
            {taskWords.send}
          </Button>
        )}
      </div>
    </form>
  );
}
