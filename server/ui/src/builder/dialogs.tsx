/** The builder's dialogs: publish, a conflict, rename, connect, run. */
import { useState } from "react";
import { builderWords } from "#words/builder.ts";
import { words } from "#words/words.ts";
import { isObject, part, post } from "../api/client.ts";
import type { GraphBody } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { Dialog, FormDialog } from "../parts/dialog.tsx";
import { CheckField, SelectField, TextArea, TextField } from "../parts/fields.tsx";
import { navigate } from "../shell/router.tsx";
import { say } from "../shell/status.ts";
import { useStore } from "../state/store.ts";
import { dataOf } from "../text/edits.ts";
import { linesDiffer } from "../text/line-diff.ts";
import { connected, nodeAt } from "./gestures.ts";
import type { Builder } from "./model.ts";
import { storeDraft } from "./stored.ts";

interface Closes {
  builder: Builder;
  onClose(): void;
}

export function PublishDialog({ builder, onClose }: Closes) {
  const [message, setMessage] = useState("");
  return (
    <FormDialog
      title={builderWords.publishTitle}
      submit={builderWords.publish}
      onClose={onClose}
      onSubmit={async () => {
        say(builderWords.published(await builder.publish(message)));
        onClose();
      }}
    >
      <p>{builderWords.publishHint}</p>
      <TextField
        label={builderWords.publishMessage}
        value={message}
        maxLength={500}
        onChange={(event) => setMessage(event.target.value)}
      />
    </FormDialog>
  );
}

/** Somebody else saved meanwhile: both texts, and a choice. */
export function ConflictDialog({ builder }: { builder: Builder }) {
  const conflict = useStore(builder.store, (state) => state.conflict);
  const text = useStore(builder.store, (state) => state.text);
  if (!conflict) return null;
  const close = () => builder.store.set({ conflict: null });
  const copy = async () => {
    const id = `${builder.id}-copy`;
    await storeDraft(id, { ...conflict, text, etag: null, version: null });
    builder.take(conflict);
    navigate(`/ui/workflows/${part(id)}`);
  };
  return (
    <Dialog
      title={builderWords.conflict(conflict.author ?? builderWords.somebody)}
      onClose={close}
      isWide
    >
      <p>{builderWords.conflictHint}</p>
      <div className="columns">
        {linesDiffer(conflict.text, text).map((side, index) => (
          <section key={index === 0 ? "theirs" : "mine"}>
            <h3>{index === 0 ? builderWords.theirs : builderWords.mine}</h3>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
            <pre className="block" tabIndex={0}>
              {side.map((line, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
                <span key={at} className={line.isOwn ? "own-line" : undefined}>
                  {line.isOwn ? "▸ " : "  "}
                  {line.text}
                  {"\n"}
                </span>
              ))}
            </pre>
          </section>
        ))}
      </div>
      <div className="row end">
        <Button onClick={() => builder.take(conflict)}>{builderWords.takeTheirs}</Button>
        <Button onClick={() => void copy()}>{builderWords.copyMine}</Button>
        <Button kind="primary" onClick={() => void builder.insist()}>
          {builderWords.keepMine}
        </Button>
      </div>
    </Dialog>
  );
}

export function RenameDialog({ builder, path, onClose }: Closes & { path: string }) {
  const id = path.split(".").at(-1) ?? "";
  const [to, setTo] = useState(id);
  return (
    <FormDialog
      title={builderWords.renameTitle(id)}
      submit={builderWords.rename}
      onClose={onClose}
      onSubmit={async () => {
        const { text, stored } = builder.store.get();
        const done = await post<{ source: string }>("/workflows/rename", {
          source: text,
          format: stored.format,
          node: path,
          to,
        });
        const prefix = path.slice(0, path.length - id.length);
        builder.act(() => ({ text: done.source, selection: [prefix + to] }));
        onClose();
      }}
    >
      <TextField
        label={builderWords.id}
        hint={builderWords.renameHint}
        required
        value={to}
        onChange={(event) => setTo(event.target.value)}
      />
    </FormDialog>
  );
}

export function ConnectDialog({ builder, path, onClose }: Closes & { path: string }) {
  const graph = useStore(builder.store, (state) => state.graph);
  const node = graph && nodeAt(graph, path);
  const [target, setTarget] = useState("");
  const [branch, setBranch] = useState(node?.branches.find((each) => !each.target)?.name ?? "");
  if (!graph || !node) return null;
  const prefix = path.slice(0, path.length - node.id.length);
  const around: GraphBody | null | undefined =
    prefix === "" ? graph : nodeAt(graph, prefix.slice(0, -1))?.body;
  const others = around?.nodes.filter((each) => each.path !== path) ?? [];
  return (
    <FormDialog
      title={`${node.id}: ${builderWords.connect}`}
      submit={words.common.save}
      onClose={onClose}
      onSubmit={async () => {
        const wire = { source: path, target: prefix + target, branch: branch || null };
        builder.act((text, read) => ({ text: connected(text, read, wire) }));
        onClose();
      }}
    >
      <SelectField
        label={builderWords.edgesOut}
        required
        value={target}
        onChange={(event) => setTarget(event.target.value)}
      >
        <option value="">–</option>
        {others.map((each) => (
          <option key={each.id}>{each.id}</option>
        ))}
      </SelectField>
      {node.branches.length > 0 && (
        <SelectField
          label={builderWords.branch}
          value={branch}
          onChange={(event) => setBranch(event.target.value)}
        >
          <option value="">{builderWords.anyBranch}</option>
          {node.branches.map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </SelectField>
      )}
    </FormDialog>
  );
}

/** Run the text as it is written here. */
export function RunDialog({
  builder,
  onClose,
  onStarted,
}: Closes & { onStarted(id: string): void }) {
  const known = `flowc.input.${builder.id}`;
  const [input, setInput] = useState(() => localStorage.getItem(known) ?? "{}");
  const [stepping, setStepping] = useState(false);
  const [problem, setProblem] = useState("");
  return (
    <FormDialog
      title={builderWords.runTitle}
      submit={builderWords.runStart}
      onClose={onClose}
      onSubmit={async () => {
        const data = objectIn(input);
        setProblem(data === null ? builderWords.runInputBroken : "");
        if (data === null) throw new Error(builderWords.runInputBroken);
        localStorage.setItem(known, input);
        const { text, stored } = builder.store.get();
        const started = await runText(builder.id, text, stored, data, stepping);
        onStarted(started);
      }}
    >
      <p>{builderWords.runDraft}</p>
      <TextArea
        label={builderWords.runInput}
        error={problem}
        className="code"
        rows={6}
        value={input}
        spellCheck={false}
        onChange={(event) => setInput(event.target.value)}
      />
      <CheckField
        label={builderWords.stepping}
        checked={stepping}
        onChange={(event) => setStepping(event.target.checked)}
      />
    </FormDialog>
  );
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const data: unknown = JSON.parse(text);
    return isObject(data) ? data : null;
  } catch {
    return null;
  }
}

/** Start a run: of the published version if this is its text, else of the text as it is. */
async function runText(
  id: string,
  text: string,
  stored: { text: string; etag: string | null; version: number | null },
  input: Record<string, unknown>,
  stepping: boolean,
): Promise<string> {
  const options = { input, wait: false, stepping };
  const headers = { "idempotency-key": crypto.randomUUID() };
  const isPublished = stored.version !== null && stored.etag === null && stored.text === text;
  const path = isPublished ? `/workflows/${part(id)}/execute` : "/workflows/execute";
  const body = isPublished ? options : { ...options, definition: dataOf(text) };
  return (await post<{ run_id: string }>(path, body, { headers })).run_id;
}
