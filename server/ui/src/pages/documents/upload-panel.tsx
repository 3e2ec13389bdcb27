/** Where files are dropped or chosen, and what became of each. */
import { type DragEvent, type FormEvent, useRef, useState } from "react";
import { documentWords } from "#words/documents.ts";
import { part } from "../../api/client.ts";
import { Button } from "../../parts/buttons.tsx";
import { TextField } from "../../parts/fields.tsx";
import { Table } from "../../parts/table.tsx";
import { Link } from "../../shell/router.tsx";
import type { Ingestion, Item } from "./ingestion.ts";

export function UploadPanel({ ingestion }: { ingestion: Ingestion }) {
  const [isOver, setOver] = useState(false);
  const [url, setUrl] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const files = [...event.dataTransfer.files];
    if (files.length > 0 && !ingestion.isBusy) void ingestion.addFiles(files);
  };
  const addUrl = (event: FormEvent) => {
    event.preventDefault();
    if (!url) return;
    void ingestion.addUrl(url);
    setUrl("");
  };
  return (
    <section className="panel stack" aria-label={documentWords.upload}>
      <h2>{documentWords.upload}</h2>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button does the same by keys */}
      <div
        className={`drop ${isOver ? "over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <p>{documentWords.drop}</p>
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          aria-label={documentWords.choose}
          onChange={(event) => {
            const files = [...(event.target.files ?? [])];
            event.target.value = "";
            if (files.length > 0) void ingestion.addFiles(files);
          }}
        />
        <Button isBusy={ingestion.isBusy} onClick={() => chooser.current?.click()}>
          {documentWords.choose}
        </Button>
      </div>
      <form className="filters" onSubmit={addUrl}>
        <TextField
          label={documentWords.url}
          type="url"
          placeholder="https://"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
        <Button type="submit" isBusy={ingestion.isBusy}>
          {documentWords.fetch}
        </Button>
      </form>
      {ingestion.items.length > 0 && <Outcome ingestion={ingestion} />}
    </section>
  );
}

function Outcome({ ingestion }: { ingestion: Ingestion }) {
  const { items, report, runId } = ingestion;
  const count = (name: string) => Number(report?.[name] ?? 0);
  const refusedBefore = items.filter((each) => each.state === "failed").length;
  return (
    <section className="stack" aria-label={documentWords.ingested}>
      <Table
        caption={documentWords.ingested}
        items={items}
        keyOf={(each) => each.name}
        columns={[
          { name: documentWords.file, cell: (each) => each.name },
          { name: documentWords.state, cell: (each) => <State item={each} /> },
        ]}
      />
      {report && (
        <p role="status">
          {documentWords.report(
            count("added"),
            count("changed"),
            count("unchanged"),
            Math.max(count("failed"), refusedBefore),
          )}{" "}
          {documentWords.cost(count("passages"))}{" "}
          {runId && <Link to={`/ui/runs/${part(runId)}`}>{documentWords.toRun}</Link>}
        </p>
      )}
    </section>
  );
}

const MARKS: Record<string, string> = {
  failed: "✕",
  unchanged: "＝",
  reading: "▶",
  uploading: "↑",
};
const LOOKS: Record<string, string> = {
  added: "completed",
  changed: "completed",
  failed: "failed",
  reading: "running",
  uploading: "running",
};

function State({ item }: { item: Item }) {
  const names: Record<string, string> = documentWords.states;
  return (
    <div>
      <span className={`status ${LOOKS[item.state] ?? ""}`}>
        <span aria-hidden="true">{MARKS[item.state] ?? "✓"}</span> {names[item.state] ?? item.state}
      </span>
      {item.state === "uploading" && (
        <progress value={item.progress} aria-label={documentWords.progress(item.name)} />
      )}
      {item.problem && <div className="error-text">{item.problem}</div>}
    </div>
  );
}
