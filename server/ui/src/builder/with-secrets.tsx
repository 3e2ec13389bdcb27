/** A field that may read secrets, and their names to choose from. */
import { type ReactNode, useRef } from "react";
import { builderWords } from "#words/builder.ts";
import { get } from "../api/client.ts";
import type { SecretsBody } from "../api/types.ts";
import { SelectField } from "../parts/fields.tsx";
import { useLoad } from "../state/load.ts";

export function WithSecrets({ name, children }: { name: string; children: ReactNode }) {
  const around = useRef<HTMLDivElement>(null);
  const { data } = useLoad("secret names", (signal) => get<SecretsBody>("/secrets", {}, signal));
  const insert = (secret: string) => {
    const field = around.current?.querySelector<HTMLInputElement | HTMLTextAreaElement>(
      "textarea, input:not([type=checkbox])",
    );
    if (!field) return;
    const { selectionStart: from, selectionEnd: to, value } = field;
    const text = `{{secrets.${secret}}}`;
    field.setRangeText(text, from ?? value.length, to ?? value.length, "end");
    // To the form, it is as if it were typed; it is in the definition when the field is left.
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };
  const names = data?.items.map((each) => each.name) ?? [];
  return (
    <div className="stack" ref={around}>
      {children}
      {names.length > 0 && (
        <SelectField
          label={builderWords.insertSecret(name)}
          isBare
          value=""
          onChange={(event) => insert(event.target.value)}
        >
          <option value="">{builderWords.secretNames}</option>
          {names.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </SelectField>
      )}
    </div>
  );
}
