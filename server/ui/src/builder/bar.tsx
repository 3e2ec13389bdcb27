/** What is done with the whole text: save, publish, run, undo. */
import { builderWords } from "#words/builder.ts";
import { may } from "../api/session.ts";
import { Button, Choices, IconButton } from "../parts/buttons.tsx";
import { useStore } from "../state/store.ts";
import { formatted } from "../text/edits.ts";
import { type Builder, isDirty } from "./model.ts";

export type View = "text" | "split" | "canvas";

interface BarProperties {
  builder: Builder;
  view: View;
  onView(view: View): void;
  onSave(): void;
  onPublish(): void;
  onRun(): void;
}

export function Bar(properties: BarProperties) {
  const { builder } = properties;
  const dirty = useStore(builder.store, isDirty);
  const isSaving = useStore(builder.store, (state) => state.isSaving);
  const stored = useStore(builder.store, (state) => state.stored);
  const check = useStore(builder.store, (state) => state.check);
  const errors = check?.diagnostics.filter((each) => each.severity === "error").length ?? 0;
  const mayWrite = may("workflows:write");
  return (
    <div className="builder-bar">
      <Choices
        label={builderWords.view}
        value={properties.view}
        of={(["text", "split", "canvas"] as const).map((each) => [each, builderWords.views[each]])}
        onChange={properties.onView}
      />
      <IconButton label={builderWords.undo} onClick={() => builder.editor()?.undo()}>
        ↶
      </IconButton>
      <IconButton label={builderWords.redo} onClick={() => builder.editor()?.redo()}>
        ↷
      </IconButton>
      <IconButton label={builderWords.find} onClick={() => builder.editor()?.find()}>
        ⌕
      </IconButton>
      <IconButton
        label={builderWords.format}
        onClick={() => builder.act((text) => ({ text: formatted(text) }))}
      >
        ≡
      </IconButton>
      <span className="hint">
        {stored.version === null ? builderWords.notPublished : builderWords.version(stored.version)}
        {(stored.etag !== null || dirty) && ` · ${builderWords.draft}`}
        {" · "}
        {isSaving ? builderWords.saving : dirty ? builderWords.unsaved : builderWords.saved}
      </span>
      <span className="spread" />
      {errors > 0 && <span className="error-text">✕ {builderWords.errors(errors)}</span>}
      {may("runs:execute") && <Button onClick={properties.onRun}>▶ {builderWords.run}</Button>}
      {mayWrite && (
        <>
          <Button onClick={properties.onSave} isBusy={isSaving} disabled={!dirty}>
            {builderWords.save}
          </Button>
          <Button
            kind="primary"
            onClick={properties.onPublish}
            disabled={!dirty && stored.etag === null}
          >
            {builderWords.publish}
          </Button>
        </>
      )}
    </div>
  );
}
