/** The versions of a workflow: what changed, which is active, and taking one back. */
import { useState } from "react";
import { builderWords } from "#words/builder.ts";
import { workflowWords } from "#words/workflows.ts";
import { get, part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { DiffBody, VersionBody } from "../../api/types.ts";
import { ChangeList } from "../../builder/change-list.tsx";
import { readVersion, type StoredText } from "../../builder/stored.ts";
import TextDiff from "../../builder/text-diff.tsx";
import { Button } from "../../parts/buttons.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";

interface VersionsProperties {
  id: string;
  onRestore(stored: StoredText): void;
}

export function Versions({ id, onRestore }: VersionsProperties) {
  const path = `/workflows/${part(id)}/versions`;
  const loaded = useLoad(path, (signal) => get<VersionBody[]>(path, {}, signal));
  const [compared, setCompared] = useState<number | null>(null);
  const activate = async (version: number) => {
    await post(`${path}/${version}/activate`);
    say(builderWords.published(version));
    loaded.reload();
  };
  return (
    <WhenLoaded loaded={loaded}>
      {(items) => (
        <>
          <Table
            caption={builderWords.versionsTitle}
            items={items}
            keyOf={(each) => String(each.version)}
            columns={[
              {
                name: workflowWords.version,
                cell: (each) => (
                  <>
                    {each.version}{" "}
                    {each.is_active && <span className="tag">{builderWords.active}</span>}
                  </>
                ),
              },
              { name: workflowWords.changed, cell: (each) => <Ago at={each.created_at} /> },
              { name: workflowWords.author, cell: (each) => each.author ?? "–" },
              { name: builderWords.message, cell: (each) => each.message ?? "–" },
              {
                name: builderWords.compare,
                isBare: true,
                cell: (each) => (
                  <div className="row">
                    {each.version > 1 && (
                      <Button onClick={() => setCompared(each.version)}>
                        {builderWords.compare}
                      </Button>
                    )}
                    {may("workflows:write") && (
                      <>
                        <Button onClick={() => void readVersion(id, each.version).then(onRestore)}>
                          {builderWords.restore}
                        </Button>
                        {!each.is_active && (
                          <Button onClick={() => void activate(each.version)}>
                            {builderWords.activate}
                          </Button>
                        )}
                      </>
                    )}
                  </div>
                ),
              },
            ]}
          />
          {compared !== null && (
            <Comparison id={id} version={compared} onClose={() => setCompared(null)} />
          )}
        </>
      )}
    </WhenLoaded>
  );
}

function Comparison({ id, version, onClose }: { id: string; version: number; onClose(): void }) {
  const loaded = useLoad(`${id} ${version}`, async (signal) => {
    const query = { old: version - 1, new: version };
    const [diff, before, after] = await Promise.all([
      get<DiffBody>(`/workflows/${part(id)}/diff`, query, signal),
      readVersion(id, version - 1, signal),
      readVersion(id, version, signal),
    ]);
    return { ...diff, before: before.text, after: after.text };
  });
  return (
    <Dialog
      title={`${builderWords.changes} (${version - 1} → ${version})`}
      onClose={onClose}
      isWide
    >
      <WhenLoaded loaded={loaded}>
        {(diff) => (
          <>
            <ChangeList changes={diff.changes} />
            <TextDiff before={diff.before} after={diff.after} />
          </>
        )}
      </WhenLoaded>
    </Dialog>
  );
}
