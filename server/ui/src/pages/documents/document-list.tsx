/** The documents of a collection, and the passages of each. */
import { useState } from "react";
import { documentWords } from "#words/documents.ts";
import { words } from "#words/words.ts";
import { call, get, part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { CollectionBody, DocumentBody, DocumentPage, PassageBody } from "../../api/types.ts";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { Dialog, FormDialog } from "../../parts/dialog.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { useQuery } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";
import { formatNumber } from "../../words/format.ts";
import { PassageOf } from "./passage-of.tsx";

interface ListProperties {
  collection: CollectionBody;
  /** Something was removed. */
  onChange(): void;
}

const STEP = 100;

export function DocumentList({ collection, onChange }: ListProperties) {
  const path = `/knowledge/collections/${part(collection.name)}/documents`;
  const [query, change] = useQuery();
  const [limit, setLimit] = useState(STEP);
  // The numbers of the collection change with its documents.
  const version = `${collection.documents} ${collection.passages} ${limit}`;
  const listed = useLoad(`${path} ${version}`, (signal) =>
    get<DocumentPage>(path, { limit }, signal),
  );
  const [doomed, setDoomed] = useState<string | null>(null);
  const source = query.get("source");
  return (
    <>
      <WhenLoaded loaded={listed}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={documentWords.noDocument}>
              <p>{documentWords.noDocumentHint}</p>
            </Empty>
          ) : (
            <>
              <Documents
                items={items}
                onLook={(name) => change({ source: name }, { replace: false })}
                onRemove={may("knowledge:write") ? setDoomed : null}
              />
              {next !== null && limit < 1_000 && (
                <Button onClick={() => setLimit(limit + STEP)}>{words.common.more}</Button>
              )}
            </>
          )
        }
      </WhenLoaded>
      {source !== null && (
        <Passages
          collection={collection.name}
          source={source}
          onClose={() => change({ source: null })}
        />
      )}
      {doomed !== null && (
        <FormDialog
          title={documentWords.removeTitle(doomed)}
          submit={words.common.delete}
          isDanger
          onClose={() => setDoomed(null)}
          onSubmit={async () => {
            await call("DELETE", path, { query: { source: doomed } });
            say(documentWords.removed(doomed));
            setDoomed(null);
            onChange();
          }}
        >
          <p>{documentWords.removeHint}</p>
        </FormDialog>
      )}
    </>
  );
}

function Documents(properties: {
  items: DocumentBody[];
  onLook(source: string): void;
  onRemove: ((source: string) => void) | null;
}) {
  const { items, onLook, onRemove } = properties;
  return (
    <Table
      caption={documentWords.documents}
      items={items}
      keyOf={(each) => each.source}
      columns={[
        {
          name: documentWords.document,
          cell: (each) => (
            <button
              type="button"
              className="link"
              aria-label={documentWords.look(each.source)}
              onClick={() => onLook(each.source)}
            >
              {each.source}
            </button>
          ),
        },
        {
          name: documentWords.passages,
          isNumber: true,
          cell: (each) => formatNumber(each.passages),
        },
        { name: documentWords.tokens, isNumber: true, cell: (each) => formatNumber(each.tokens) },
        { name: documentWords.changed, cell: (each) => <Ago at={each.updated_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) =>
            onRemove && (
              <div className="row">
                <IconButton
                  label={`${words.common.delete}: ${each.source}`}
                  onClick={() => onRemove(each.source)}
                >
                  ✕
                </IconButton>
              </div>
            ),
        },
      ]}
    />
  );
}

function Passages(properties: { collection: string; source: string; onClose(): void }) {
  const { collection, source, onClose } = properties;
  const [limit, setLimit] = useState(20);
  const path = `/knowledge/collections/${part(collection)}/passages`;
  const loaded = useLoad(`${path} ${source} ${limit}`, (signal) =>
    get<PassageBody[]>(path, { source, limit }, signal),
  );
  return (
    <Dialog title={source} onClose={onClose} isWide>
      <WhenLoaded loaded={loaded}>
        {(items) => (
          <ol className="passages">
            {items.map((each) => (
              <li key={each.number}>
                <PassageOf
                  passage={each}
                  title={documentWords.passage(each.number + 1)}
                  more={documentWords.tokensOf(each.tokens)}
                />
              </li>
            ))}
          </ol>
        )}
      </WhenLoaded>
      <div className="row end">
        {loaded.data?.length === limit && limit < 1_000 && (
          <Button onClick={() => setLimit(limit + 100)}>{words.common.more}</Button>
        )}
        <Button onClick={onClose}>{words.common.close}</Button>
      </div>
    </Dialog>
  );
}
