/** The secrets, by name: their values are never shown. */
import { useState } from "react";
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { call, get, part, post } from "../../api/client.ts";
import type { RotationBody, SecretBody, SecretsBody, SetSecretRequest } from "../../api/types.ts";
import { FORMATS } from "../../forms/format-fields.tsx";
import { SchemaDialog } from "../../forms/schema-dialog.tsx";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { FormDialog } from "../../parts/dialog.tsx";
import { ErrorNotice, OrEmpty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";

const texts = settingWords.secrets;
const VALUE = {
  value: {
    type: "string",
    format: "password",
    minLength: 4,
    title: texts.value,
    description: texts.valueHint,
  },
  hosts: {
    type: "array",
    items: { type: "string" },
    title: texts.hosts,
    description: texts.hostsHint,
  },
  workflows: {
    type: "array",
    items: { type: "string", format: "workflow" },
    title: texts.workflows,
    description: texts.workflowsHint,
  },
};
const NAME = { type: "string", title: settingWords.name, description: texts.nameHint };
const NEW = { type: "object", required: ["name", "value"], properties: { name: NAME, ...VALUE } };
const REPLACE = { type: "object", required: ["value"], properties: VALUE };

type Wanted = SetSecretRequest & { name?: string };
type Wish = { kind: "new" } | { kind: "replace" | "delete"; of: SecretBody };

export function Secrets() {
  const listed = useLoad("secrets", (signal) => get<SecretsBody>("/secrets", {}, signal));
  const [wish, setWish] = useState<Wish | null>(null);
  const [error, setError] = useState<unknown>();
  const close = () => setWish(null);
  const set = async (name: string, { value, hosts = [], workflows = [] }: Wanted) => {
    await call("PUT", `/secrets/${part(name)}`, { body: { value, hosts, workflows } });
    say(texts.set(name));
    close();
    listed.reload();
  };
  const reseal = async () => {
    setError(undefined);
    try {
      const { resealed, remaining } = await post<RotationBody>("/secrets/rotate");
      say(texts.resealed(resealed, remaining));
      listed.reload();
    } catch (caught) {
      setError(caught);
    }
  };
  const hasKey = listed.data ? listed.data.key_id !== null : true;
  return (
    <>
      <div className="row end">
        <Button disabled={!hasKey} onClick={() => void reseal()}>
          {texts.reseal}
        </Button>
        <Button kind="primary" disabled={!hasKey} onClick={() => setWish({ kind: "new" })}>
          {texts.new}
        </Button>
      </div>
      {!hasKey && <p className="notice warning">{texts.noKey}</p>}
      {error !== undefined && <ErrorNotice error={error} />}
      <WhenLoaded loaded={listed}>
        {({ items }) => (
          <OrEmpty items={items} title={texts.empty} hint={texts.emptyHint}>
            <SecretTable items={items} onWish={setWish} />
          </OrEmpty>
        )}
      </WhenLoaded>
      {wish?.kind === "new" && (
        <SchemaDialog<Wanted>
          title={texts.new}
          submit={words.common.save}
          schema={NEW}
          formats={FORMATS}
          onClose={close}
          onSubmit={(body) => set(body.name ?? "", body)}
        />
      )}
      {wish?.kind === "replace" && (
        <SchemaDialog<Wanted>
          title={texts.replaceTitle(wish.of.name)}
          submit={words.common.save}
          schema={REPLACE}
          formats={FORMATS}
          initial={{ hosts: wish.of.hosts, workflows: wish.of.workflows }}
          onClose={close}
          onSubmit={(body) => set(wish.of.name, body)}
        />
      )}
      {wish?.kind === "delete" && (
        <FormDialog
          title={texts.deleteTitle(wish.of.name)}
          submit={words.common.delete}
          isDanger
          onClose={close}
          onSubmit={async () => {
            await call("DELETE", `/secrets/${part(wish.of.name)}`);
            say(texts.deleted(wish.of.name));
            close();
            listed.reload();
          }}
        >
          <p>{texts.deleteHint}</p>
        </FormDialog>
      )}
    </>
  );
}

function SecretTable({ items, onWish }: { items: SecretBody[]; onWish(wish: Wish): void }) {
  return (
    <Table
      caption={settingWords.tabs.secrets}
      items={items}
      keyOf={(each) => each.name}
      columns={[
        { name: settingWords.name, cell: (each) => <code>{each.name}</code> },
        { name: texts.hosts, cell: (each) => each.hosts.join(", ") || texts.all },
        { name: texts.workflows, cell: (each) => each.workflows.join(", ") || texts.all },
        { name: texts.version, isNumber: true, cell: (each) => each.version },
        { name: settingWords.changed, cell: (each) => <Ago at={each.updated_at} /> },
        { name: settingWords.by, cell: (each) => each.updated_by },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) => (
            <div className="row">
              <Button
                aria-label={texts.replaceTitle(each.name)}
                onClick={() => onWish({ kind: "replace", of: each })}
              >
                {texts.replace}
              </Button>
              <IconButton
                label={`${words.common.delete}: ${each.name}`}
                onClick={() => onWish({ kind: "delete", of: each })}
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
