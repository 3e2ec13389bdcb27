/** The builder's dialogs: publish, a conflict, rename, connect. */
import { useState } from "react";
import { builderWords } from "#words/builder.ts";
import { words } from "#words/words.ts";
import { get, part, post } from "../api/client.ts";
import type { DiffBody, GraphBody } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { Dialog, FormDialog } from "../parts/dialog.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { WhenLoaded } from "../parts/notices.tsx";
import { navigate } from "../shell/router.tsx";
import { say } from "../shell/status.ts";
import { useLoad } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { linesDiffer } from "../text/line-diff.ts";
import { ChangeList } from "./change-list.tsx";
import { connected, nodeAt } from "./gestures.ts";
import { type Builder, isDirty } from "./model.ts";
import { readVersion, storeDraft } from "./stored.ts";
import TextDiff from "./text-diff.tsx";

interface Closes {
  builder: Builder;
  onClose(): void;
}

export function PublishDialog({ builder, onClose }: Closes) {
  const [message, setMessage] = useState("");
  const isFirst = builder.store.get().stored.version === null;
  return (
    <FormDialog
      title={builderWords.publishTitle}
      isWide={!isFirst}
      submit={builderWords.publish}
      onClose={onClose}
      onSubmit={async () => {
        say(builderWords.published(await builder.publish(message)));
        onClose();
      }}
    >
      <p>{builderWords.publishHint}</p>
      {!isFirst && <Changes builder={builder} />}
      <TextField
        label={builderWords.publishMessage}
        value={message}
        maxLength={500}
        onChange={(event) => setMessage(event.target.value)}
      />
    </FormDialog>
  );
}

/** What changes in meaning: the draft is saved first, since the server compares that. */
function Changes({ builder }: { builder: Builder }) {
  const loaded = useLoad(`changes ${builder.id}`, async (signal) => {
    const { stored } = builder.store.get();
    if (isDirty(builder.store.get()) || stored.etag === null) await builder.save();
    const path = `/workflows/${part(builder.id)}/draft/diff`;
    const [diff, active] = await Promise.all([
      get<DiffBody>(path, {}, signal),
      readVersion(builder.id, null, signal),
    ]);
    return { ...diff, before: active.text, after: builder.store.get().text };
  });
  return (
    <section className="stack" aria-label={builderWords.changes}>
      <h3>{builderWords.changes}</h3>
      <WhenLoaded loaded={loaded}>
        {(diff) => (
          <>
            <ChangeList changes={diff.changes} />
            <TextDiff before={diff.before} after={diff.after} />
            {diff.waiting_runs.length > 0 && (
              <p className="hint">{builderWords.waitingRuns(diff.waiting_runs.length)}</p>
            )}
          </>
        )}
      </WhenLoaded>
    </section>
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
