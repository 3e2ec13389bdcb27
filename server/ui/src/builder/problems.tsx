/** The problems of the text, with what mends them. */
import { useState } from "react";
import { builderWords } from "#words/builder.ts";
import { get, part } from "../api/client.ts";
import type { DiagnosticBody, ExplanationBody } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { useLoad } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { extentOf, linesOf, offsetOf } from "../text/positions.ts";
import type { Builder } from "./model.ts";

const SIGNS = { error: "✕", warning: "!", info: "i" };

export function Problems({ builder }: { builder: Builder }) {
  const check = useStore(builder.store, (state) => state.check);
  const [code, setCode] = useState<string | null>(null);
  const found = check?.diagnostics ?? [];
  const hasErrors = found.some((each) => each.severity === "error");
  return (
    <div className="problems">
      {found.length === 0 ? (
        <p className="hint">{builderWords.noProblems}</p>
      ) : (
        <ul>
          {found.map((each) => (
            <li key={`${each.code}${each.pointer}${each.message}`} className={each.severity}>
              <span className="sign" aria-hidden="true">
                {SIGNS[each.severity]}
              </span>
              <div>
                <button type="button" className="link" onClick={() => reveal(builder, each)}>
                  {each.line != null && <code>{each.line}: </code>}
                  {each.message}
                </button>
                {each.hint && <p className="hint">{each.hint}</p>}
              </div>
              <div className="row">
                {(each.fixes ?? []).map((fix) => (
                  <Button key={fix.title} onClick={() => builder.fix(fix)}>
                    {fix.title}
                  </Button>
                ))}
                <Button kind="quiet" onClick={() => setCode(each.code)}>
                  {builderWords.explain}
                </Button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {hasErrors && <p className="hint">{builderWords.later}</p>}
      {code !== null && <Explanation code={code} onClose={() => setCode(null)} />}
    </div>
  );
}

/** Go to the place of a problem in the text. */
export function reveal(builder: Builder, found: DiagnosticBody): void {
  const { checked, text } = builder.store.get();
  if (checked !== text) return;
  const lines = linesOf(text);
  const line = found.line ?? 1;
  const at = offsetOf(lines, { line, column: found.column ?? 1 });
  builder.reveal(found.range ? extentOf(lines, found.range) : { from: at, to: at });
}

function Explanation({ code, onClose }: { code: string; onClose(): void }) {
  const loaded = useLoad(code, (signal) =>
    get<ExplanationBody>(`/diagnostics/${part(code)}`, {}, signal),
  );
  return (
    <Dialog title={code} onClose={onClose} isWide>
      <WhenLoaded loaded={loaded}>
        {(found) => (
          <>
            <p>{found.why}</p>
            <div className="columns">
              {(["bad", "good"] as const).map((kind) => (
                <div key={kind}>
                  <h3>{kind === "bad" ? builderWords.wrong : builderWords.right}</h3>
                  <pre className="block">{found[kind]}</pre>
                </div>
              ))}
            </div>
          </>
        )}
      </WhenLoaded>
    </Dialog>
  );
}
