/** Dialogs above the page; the browser keeps the focus in them. */
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { words } from "#words/words.ts";
import { Button } from "./buttons.tsx";
import { ErrorNotice } from "./notices.tsx";

/** A dialog; Escape, and a press beside it, close it. */
export function Dialog(properties: {
  title: ReactNode;
  onClose(): void;
  children: ReactNode;
  isWide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, too
    <dialog
      ref={ref}
      className={properties.isWide ? "wide" : undefined}
      aria-labelledby={id}
      onClose={properties.onClose}
      onClick={(event) => event.target === ref.current && properties.onClose()}
    >
      <div className="dialog">
        <h2 id={id}>{properties.title}</h2>
        {properties.children}
      </div>
    </dialog>
  );
}

/** A dialog with a form; an error stays in it, and what was entered, too. */
export function FormDialog(properties: {
  title: ReactNode;
  submit: string;
  isDanger?: boolean;
  isWide?: boolean;
  /** The form checks itself. */
  noValidate?: boolean;
  onSubmit(): Promise<unknown>;
  onClose(): void;
  children?: ReactNode;
}) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await properties.onSubmit();
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  return (
    <Dialog
      title={properties.title}
      onClose={properties.onClose}
      isWide={properties.isWide ?? false}
    >
      <form onSubmit={submit} noValidate={properties.noValidate}>
        {properties.children}
        {error !== undefined && <ErrorNotice error={error} />}
        <div className="row end">
          <Button onClick={properties.onClose}>{words.common.cancel}</Button>
          <Button type="submit" kind={properties.isDanger ? "danger" : "primary"} isBusy={isBusy}>
            {properties.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
