/** Fields of forms: a label, an input, a hint and an error that belong together. */
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import { words } from "#words/words.ts";

interface About {
  label: ReactNode;
  hint?: ReactNode;
  error?: ReactNode;
  /** The label is only for screen readers. */
  isBare?: boolean;
}

type Own<T> = Omit<T, "id" | "aria-describedby" | "aria-invalid"> & About;

export function TextField({
  label,
  hint,
  error,
  isBare,
  ...rest
}: Own<InputHTMLAttributes<HTMLInputElement>>) {
  const frame = useFrame({ label, hint, error, isBare: isBare ?? false }, rest.required);
  return frame.around(<input type="text" {...rest} {...frame.links} />);
}

export function TextArea({
  label,
  hint,
  error,
  isBare,
  ...rest
}: Own<TextareaHTMLAttributes<HTMLTextAreaElement>>) {
  const frame = useFrame({ label, hint, error, isBare: isBare ?? false }, rest.required);
  return frame.around(<textarea {...rest} {...frame.links} />);
}

export function SelectField({
  label,
  hint,
  error,
  isBare,
  ...rest
}: Own<SelectHTMLAttributes<HTMLSelectElement>>) {
  const frame = useFrame({ label, hint, error, isBare: isBare ?? false }, rest.required);
  return frame.around(<select {...rest} {...frame.links} />);
}

export function CheckField({
  label,
  hint,
  error,
  ...rest
}: Own<InputHTMLAttributes<HTMLInputElement>>) {
  const frame = useFrame({ label, hint, error, isBare: false });
  return (
    <div className="field check">
      <input type="checkbox" {...rest} {...frame.links} />
      <label htmlFor={frame.links.id}>{label}</label>
      {frame.notes}
    </div>
  );
}

function useFrame(
  { label, hint, error, isBare }: About & { isBare: boolean },
  isRequired?: boolean,
) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const links = {
    id,
    "aria-describedby": described || undefined,
    "aria-invalid": error ? (true as const) : undefined,
  };
  const notes = (
    <>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="error-text" id={`${id}-error`}>
          {error}
        </p>
      )}
    </>
  );
  const around = (input: ReactNode) => (
    <div className="field">
      <label htmlFor={id} className={isBare ? "hidden" : undefined}>
        {label}
        {isRequired && <span className="required"> ({words.common.required})</span>}
      </label>
      {input}
      {notes}
    </div>
  );
  return { links, notes, around };
}
