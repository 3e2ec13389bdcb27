/** Brings files and addresses into a collection, and says of each what became of it. */
import { useCallback, useEffect, useRef, useState } from "react";
import { get, isObject, part, post } from "../../api/client.ts";
import { followRun, type Stream } from "../../api/events.ts";
import type { Run } from "../../api/types.ts";
import { upload } from "../../api/upload.ts";
import { messageOf } from "../../parts/notices.tsx";

export interface Item {
  name: string;
  state: string;
  /** How much is uploaded, from 0 to 1. */
  progress: number;
  /** Why it was refused. */
  problem: string | null;
}

export interface Ingestion {
  items: Item[];
  runId: string | null;
  /** What the run reported at its end. */
  report: Record<string, unknown> | null;
  isBusy: boolean;
  addFiles(files: readonly File[]): Promise<void>;
  addUrl(url: string): Promise<void>;
}

const WAITING: Omit<Item, "name"> = { state: "waiting", progress: 1, problem: null };

export function useIngestion(collection: string, onChange: () => void): Ingestion {
  const [items, setItems] = useState<Item[]>([]);
  const [runId, setRunId] = useState<string | null>(null);
  const [report, setReport] = useState<Record<string, unknown> | null>(null);
  const [isBusy, setBusy] = useState(false);
  const stream = useRef<Stream | null>(null);
  useEffect(() => () => stream.current?.close(), []);
  const change = useCallback((name: string, changed: Partial<Item>) => {
    setItems((all) => all.map((each) => (each.name === name ? { ...each, ...changed } : each)));
  }, []);
  const begin = (names: string[]) => {
    setItems(names.map((name) => ({ ...WAITING, name })));
    setReport(null);
    setRunId(null);
    setBusy(true);
  };
  const ingest = async (body: { files?: string[]; urls?: string[] }) => {
    const path = `/knowledge/collections/${part(collection)}/ingest`;
    const run = await post<Run>(path, { ...body, removes: false });
    setRunId(run.id);
    setItems((all) =>
      all.map((each) => (each.state === "waiting" ? { ...each, state: "reading" } : each)),
    );
    await followed(run.id);
  };
  const followed = (id: string) =>
    new Promise<void>((resolve) => {
      const end = async () => {
        await finish(id).finally(resolve);
      };
      stream.current = followRun(id, {
        event(event) {
          const found = event.kind === "node.said" ? documentOf(event.data) : null;
          if (found) change(found.name, found);
        },
        ended: () => void end(),
      });
    });
  const finish = async (id: string) => {
    const run = await get<Run>(`/runs/${part(id)}`);
    setReport(isObject(run.output) ? run.output : null);
    const problem = run.error?.message ?? null;
    setItems((all) =>
      all.map((each) => (each.state === "reading" ? { ...each, state: "failed", problem } : each)),
    );
    onChange();
  };
  const guarded = async (names: string[], work: () => Promise<void>) => {
    begin(names);
    try {
      await work();
    } catch (error) {
      const problem = messageOf(error);
      const isOpen = new Set(["waiting", "reading", "uploading"]);
      setItems((all) =>
        all.map((each) => (isOpen.has(each.state) ? { ...each, state: "failed", problem } : each)),
      );
    } finally {
      setBusy(false);
    }
  };
  const addFiles = (files: readonly File[]) =>
    guarded(
      files.map((each) => each.name),
      async () => {
        const ids: string[] = [];
        for (const file of files) {
          change(file.name, { state: "uploading", progress: 0 });
          try {
            const stored = await upload(file, (progress) => change(file.name, { progress }));
            ids.push(stored.id);
            change(file.name, { state: "waiting", progress: 1 });
          } catch (error) {
            change(file.name, { state: "failed", problem: messageOf(error) });
          }
        }
        if (ids.length > 0) await ingest({ files: ids });
      },
    );
  const addUrl = (url: string) => guarded([url], () => ingest({ urls: [url] }));
  return { items, runId, report, isBusy, addFiles, addUrl };
}

/** Return what an event says of a document, if it does. */
function documentOf(data: unknown): Item | null {
  if (!isObject(data) || data["kind"] !== "document" || !isObject(data["data"])) return null;
  const { source, status, message } = data["data"];
  return {
    name: String(source),
    state: String(status),
    progress: 1,
    problem: typeof message === "string" ? message : null,
  };
}
