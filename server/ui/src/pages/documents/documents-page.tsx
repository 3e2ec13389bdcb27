/** The collections of documents. */
import { useState } from "react";
import { documentWords } from "#words/documents.ts";
import { words } from "#words/words.ts";
import { call, get, part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { CollectionBody, NewCollection } from "../../api/types.ts";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { FormDialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/fields.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { Link, navigate } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { formatNumber } from "../../words/format.ts";

export default function DocumentsPage() {
  useTitle(documentWords.title);
  const listed = useLoad("collections", (signal) =>
    get<CollectionBody[]>("/knowledge/collections", {}, signal),
  );
  const [isNew, setNew] = useState(false);
  const [doomed, setDoomed] = useState<string | null>(null);
  const mayWrite = may("knowledge:write");
  const newButton = mayWrite && (
    <Button kind="primary" onClick={() => setNew(true)}>
      {documentWords.new}
    </Button>
  );
  return (
    <div className="page">
      <div className="head">
        <h1>{documentWords.title}</h1>
        {newButton}
      </div>
      <WhenLoaded loaded={listed}>
        {(items) =>
          items.length > 0 ? (
            <Collections items={items} onDelete={mayWrite ? setDoomed : null} />
          ) : (
            <Empty title={documentWords.empty}>
              <p>{documentWords.emptyHint}</p>
            </Empty>
          )
        }
      </WhenLoaded>
      {isNew && <NewDialog onClose={() => setNew(false)} />}
      {doomed !== null && (
        <FormDialog
          title={documentWords.deleteTitle(doomed)}
          submit={words.common.delete}
          isDanger
          onClose={() => setDoomed(null)}
          onSubmit={async () => {
            await call("DELETE", `/knowledge/collections/${part(doomed)}`);
            say(documentWords.deleted(doomed));
            setDoomed(null);
            listed.reload();
          }}
        >
          <p>{documentWords.deleteHint}</p>
        </FormDialog>
      )}
    </div>
  );
}

function Collections(properties: {
  items: CollectionBody[];
  onDelete: ((name: string) => void) | null;
}) {
  const { items, onDelete } = properties;
  return (
    <Table
      caption={documentWords.title}
      items={items}
      keyOf={(each) => each.name}
      columns={[
        {
          name: documentWords.name,
          cell: (each) => <Link to={`/ui/documents/${part(each.name)}`}>{each.name}</Link>,
        },
        {
          name: documentWords.documents,
          isNumber: true,
          cell: (each) => formatNumber(each.documents),
        },
        {
          name: documentWords.passages,
          isNumber: true,
          cell: (each) => formatNumber(each.passages),
        },
        { name: documentWords.model, cell: (each) => each.model },
        { name: documentWords.created, cell: (each) => <Ago at={each.created_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) =>
            onDelete && (
              <div className="row">
                <IconButton
                  label={`${words.common.delete}: ${each.name}`}
                  onClick={() => onDelete(each.name)}
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

function NewDialog({ onClose }: { onClose(): void }) {
  const [name, setName] = useState("");
  const [model, setModel] = useState("");
  const create = async () => {
    const body: NewCollection = { name, model: model || null };
    const made = await post<CollectionBody>("/knowledge/collections", body);
    say(documentWords.made(made.name));
    navigate(`/ui/documents/${part(made.name)}`);
  };
  return (
    <FormDialog
      title={documentWords.new}
      submit={words.common.create}
      onClose={onClose}
      onSubmit={create}
    >
      <TextField
        label={documentWords.name}
        hint={documentWords.nameHint}
        required
        maxLength={128}
        pattern="[^\/]+"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label={documentWords.model}
        hint={documentWords.modelHint}
        value={model}
        onChange={(event) => setModel(event.target.value)}
      />
    </FormDialog>
  );
}
