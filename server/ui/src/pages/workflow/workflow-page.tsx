/** One workflow: its builder, its runs and its versions. */
import { useCallback, useEffect, useState } from "react";
import { builderWords } from "#words/builder.ts";
import { caseWords } from "#words/cases.ts";
import { words } from "#words/words.ts";
import { ApiError, part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { Run } from "../../api/types.ts";
import { BuilderPanel } from "../../builder/builder.tsx";
import { forget, kept, type LocalCopy } from "../../builder/local-copy.ts";
import { type Builder, createBuilder } from "../../builder/model.ts";
import { readStored } from "../../builder/stored.ts";
import { Button } from "../../parts/buttons.tsx";
import { later } from "../../parts/later.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { navigate, useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { usePaged } from "../../state/paged.ts";
import { formatAgo } from "../../words/format.ts";
import { RunsTable } from "../runs/runs-table.tsx";
import { Versions } from "./versions.tsx";

const Analytics = later(async () => ({
  default: (await import("../analytics/analytics.tsx")).Analytics,
}));
const CasesPanel = later(async () => ({
  default: (await import("../../cases/cases-panel.tsx")).CasesPanel,
}));

export default function WorkflowPage({ id = "" }: Record<string, string>) {
  useTitle(id);
  const loaded = useLoad(id, async (signal) => {
    const [stored, local] = await Promise.all([readStored(id, signal), kept(id).catch(() => null)]);
    const isNewer = local !== null && local.text !== stored.text;
    return { stored, local: isNewer ? local : null };
  });
  const isMissing = loaded.error instanceof ApiError && loaded.error.status === 404;
  if (isMissing) return <Empty title={builderWords.missing(id)} level={1} />;
  return (
    <WhenLoaded loaded={loaded}>
      {({ stored, local }) => <Opened key={id} {...{ id, stored, local }} />}
    </WhenLoaded>
  );
}

function Opened(properties: {
  id: string;
  stored: Parameters<typeof createBuilder>[1];
  local: LocalCopy | null;
}) {
  const { id } = properties;
  const [query, change] = useQuery();
  const [local, setLocal] = useState(properties.local);
  const [builder, setBuilder] = useState<Builder | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was loaded begins it, once
  useEffect(() => {
    const made = createBuilder(id, properties.stored, properties.local);
    setBuilder(made);
    return () => made.dispose();
  }, [id]);
  const open = useCallback((run: string) => navigate(`/ui/runs/${part(run)}`), []);
  if (!builder) return null;
  const discard = () => {
    builder.take(properties.stored);
    void forget(id);
    setLocal(null);
  };
  return (
    <div className="workflow">
      <h1>{id}</h1>
      {local && (
        <div className="notice warning" role="status">
          <p>
            {builderWords.restored(formatAgo(local.at))}
            {local.base !== properties.stored.etag && ` ${builderWords.newer}`}
          </p>
          <Button onClick={discard}>{builderWords.discard}</Button>
        </div>
      )}
      <Tabs
        label={builderWords.tabsLabel}
        chosen={query.get("tab") ?? "builder"}
        onChoose={(tab) => change({ tab: tab === "builder" ? null : tab })}
        tabs={[
          {
            id: "builder",
            label: builderWords.tabs.builder,
            isKept: true,
            content: () => <BuilderPanel builder={builder} onRun={open} />,
          },
          {
            id: "test",
            label: caseWords.title,
            content: () => <CasesPanel id={id} />,
          },
          {
            id: "runs",
            label: builderWords.tabs.runs,
            content: () => <RunsOf id={id} />,
          },
          ...(may("analytics:read")
            ? [
                {
                  id: "analytics",
                  label: words.nav.analytics,
                  content: () => <Analytics workflowId={id} />,
                },
              ]
            : []),
          {
            id: "versions",
            label: builderWords.tabs.versions,
            content: () => (
              <Versions
                id={id}
                onRestore={(stored) => {
                  builder.take({ ...builder.store.get().stored, text: stored.text });
                  change({ tab: null });
                }}
              />
            ),
          },
        ]}
      />
    </div>
  );
}

function RunsOf({ id }: { id: string }) {
  const listed = usePaged<Run>("/runs", { workflow_id: id, limit: 50 });
  return <WhenLoaded loaded={listed}>{(items) => <RunsTable items={items} />}</WhenLoaded>;
}
