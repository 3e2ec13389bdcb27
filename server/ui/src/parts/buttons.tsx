/** Buttons, and what is beside them. */
import type { ButtonHTMLAttributes, ReactNode } from "react";

type ButtonProperties = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: "primary" | "plain" | "danger" | "quiet";
  isBusy?: boolean;
};

/** A button; one that is busy cannot be pressed. */
export function Button({ kind = "plain", isBusy, className, disabled, ...rest }: ButtonProperties) {
  return (
    <button
      type="button"
      {...rest}
      className={`button ${kind} ${className ?? ""}`}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
    />
  );
}

/** A button with a picture alone; its name is for screen readers and under the pointer. */
export function IconButton({ label, children, ...rest }: ButtonProperties & { label: string }) {
  return (
    <Button kind="quiet" {...rest} aria-label={label} title={label}>
      <span aria-hidden="true" className="icon">
        {children}
      </span>
    </Button>
  );
}

/** Several choices, one of them pressed. */
export function Choices<T extends string>(properties: {
  label: string;
  value: T;
  of: readonly [T, ReactNode][];
  onChange(value: T): void;
}) {
  return (
    <fieldset className="choices">
      <legend className="hidden">{properties.label}</legend>
      {properties.of.map(([value, text]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === properties.value}
          onClick={() => properties.onChange(value)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}
