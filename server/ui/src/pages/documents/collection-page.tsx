/** One collection: its documents, uploads, and search. */
import { documentWords } from "#words/documents.ts";
import { get, part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { CollectionBody } from "../../api/types.ts";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Link, useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { formatNumber } from "../../words/format.ts";
import { DocumentList } from "./document-list.tsx";
import { useIngestion } from "./ingestion.ts";
import { SearchPanel } from "./search-panel.tsx";
import { UploadPanel } from "./upload-panel.tsx";
import "./documents.css";

export default function CollectionPage({ collection = "" }: Record<string, string>) {
  useTitle(collection);
  const [query, change] = useQuery();
  const loaded = useLoad(`collection ${collection}`, (signal) =>
    get<CollectionBody>(`/knowledge/collections/${part(collection)}`, {}, signal),
  );
  const ingestion = useIngestion(collection, loaded.reload);
  return (
    <div className="page">
      <p>
        <Link to="/ui/documents">← {documentWords.back}</Link>
      </p>
      <h1>{collection}</h1>
      <WhenLoaded loaded={loaded}>
        {(found) => (
          <>
            <p className="faint">
              {documentWords.documents}: {formatNumber(found.documents)} · {documentWords.passages}:{" "}
              {formatNumber(found.passages)} · {documentWords.model}: {found.model}
            </p>
            <Tabs
              label={documentWords.parts}
              chosen={query.get("tab") ?? "documents"}
              onChoose={(tab) => change({ tab: tab === "documents" ? null : tab })}
              tabs={[
                {
                  id: "documents",
                  label: documentWords.tabs.documents,
                  content: () => (
                    <>
                      {may("knowledge:write") && may("files:write") ? (
                        <UploadPanel ingestion={ingestion} />
                      ) : (
                        <p className="notice">{documentWords.noWrite}</p>
                      )}
                      <DocumentList collection={found} onChange={loaded.reload} />
                    </>
                  ),
                },
                {
                  id: "search",
                  label: documentWords.tabs.search,
                  content: () => <SearchPanel collection={collection} />,
                },
              ]}
            />
          </>
        )}
      </WhenLoaded>
    </div>
  );
}
