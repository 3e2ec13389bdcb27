/** A text to copy, such as a key that is shown once. */
import { useRef } from "react";
import { words } from "#words/words.ts";
import { say } from "../shell/status.ts";
import { Button } from "./buttons.tsx";

export function Copied({ text, label }: { text: string; label: string }) {
  const ref = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(words.common.copied);
    } catch {
      // Without a safe connection there is no clipboard; the text is selected instead.
      if (ref.current) getSelection()?.selectAllChildren(ref.current);
    }
  };
  return (
    <fieldset className="copied">
      <legend className="hidden">{label}</legend>
      <code ref={ref}>{text}</code>
      <Button onClick={() => void copy()}>{words.common.copy}</Button>
    </fieldset>
  );
}
