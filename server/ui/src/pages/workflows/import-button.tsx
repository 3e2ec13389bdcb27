/** Imports a file: a bundle of workflows, or the definition of one, which becomes a draft. */

import { useRef, useState } from "react";
import { workflowWords } from "#words/workflows.ts";
import { call, isObject, part, post } from "../../api/client.ts";
import type { BundleBody, ImportBody } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorNotice } from "../../parts/notices.tsx";
import { navigate } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";

export default function ImportButton({ onDone }: { onDone(): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [refused, setRefused] = useState<ImportBody | null>(null);
  const [error, setError] = useState<unknown>();
  const take = async (file: File) => {
    setError(undefined);
    try {
      const text = await file.text();
      const bundle = bundleIn(text);
      if (bundle === null) {
        await importDefinition(file.name, text);
        return;
      }
      const done = await post<ImportBody>("/workflows/import", bundle);
      if (!done.is_valid) setRefused(done);
      else {
        say(workflowWords.imported(done.workflows.length));
        onDone();
      }
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        accept=".json,.yaml,.yml"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) void take(file);
        }}
      />
      <Button onClick={() => input.current?.click()}>{workflowWords.import}</Button>
      {(refused || error !== undefined) && (
        <Dialog
          title={workflowWords.import}
          onClose={() => {
            setRefused(null);
            setError(undefined);
          }}
        >
          {error !== undefined && <ErrorNotice error={error} />}
          {refused?.workflows
            .flatMap((each) => each.diagnostics)
            .map((each) => (
              <p key={`${each.file}${each.line}${each.code}${each.message}`}>
                <code>
                  {each.file}:{each.line}
                </code>{" "}
                {each.message}
              </p>
            ))}
        </Dialog>
      )}
    </>
  );
}

function bundleIn(text: string): BundleBody | null {
  try {
    const data: unknown = JSON.parse(text);
    return isObject(data) && "bundle" in data ? (data as BundleBody) : null;
  } catch {
    return null;
  }
}

async function importDefinition(file: string, source: string): Promise<void> {
  const id = file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "-") || "imported";
  const format = source.trimStart().startsWith("{") ? "json" : "yaml";
  await call("PUT", `/workflows/${part(id)}/draft`, {
    body: { source, format },
    headers: { "if-none-match": "*" },
  });
  navigate(`/ui/workflows/${part(id)}`);
}
