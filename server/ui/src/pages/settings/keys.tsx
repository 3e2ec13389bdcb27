/** The API keys: what each may do; a new one is shown once. */
import { useState } from "react";
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { call, get, part, post } from "../../api/client.ts";
import { session } from "../../api/session.ts";
import type { ApiKeyBody, NewKeyBody, NewKeyRequest } from "../../api/types.ts";
import { FORMATS } from "../../forms/format-fields.tsx";
import { SchemaDialog } from "../../forms/schema-dialog.tsx";
import { Button } from "../../parts/buttons.tsx";
import { Copied } from "../../parts/copied.tsx";
import { Dialog, FormDialog } from "../../parts/dialog.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";

const texts = settingWords.keys;

interface Wanted {
  name: string;
  may: Pick<NewKeyRequest, "role" | "scopes" | "workflow_id"> & { by?: string };
  days?: number;
  groups?: string[];
}
type Wish =
  | { kind: "new" }
  | { kind: "made"; key: NewKeyBody }
  | { kind: "revoke"; of: ApiKeyBody };

/** Return the form of a new key; nobody gives more than they may do themselves. */
function schemaOfNew() {
  const scopes = session.get().who?.scopes ?? [];
  const one = (by: string, title: string, name: string, field: object) => ({
    title,
    type: "object",
    required: ["by", name],
    properties: { by: { const: by }, [name]: field },
  });
  return {
    type: "object",
    required: ["name", "may"],
    properties: {
      name: { type: "string", title: settingWords.name, description: texts.nameHint },
      may: {
        title: texts.may,
        oneOf: [
          one("role", texts.byRole, "role", {
            enum: ["viewer", "operator", "editor", "admin"],
            title: texts.role,
          }),
          one("scopes", texts.byScopes, "scopes", {
            type: "array",
            items: { enum: scopes },
            uniqueItems: true,
            minItems: 1,
            title: texts.scopes,
          }),
          one("workflow", texts.byWorkflow, "workflow_id", {
            type: "string",
            format: "workflow",
            title: texts.workflow,
          }),
        ],
      },
      days: {
        type: "number",
        exclusiveMinimum: 0,
        maximum: 3_650,
        title: texts.days,
        description: texts.daysHint,
      },
      groups: { type: "array", items: { type: "string" }, title: texts.groups },
    },
  };
}

export function Keys() {
  const listed = useLoad("keys", (signal) => get<ApiKeyBody[]>("/keys", {}, signal));
  const [wish, setWish] = useState<Wish | null>(null);
  const close = () => setWish(null);
  const create = async ({ may, ...rest }: Wanted) => {
    const { by: _, ...allowed } = may;
    const key = await post<NewKeyBody>("/keys", { ...rest, ...allowed });
    setWish({ kind: "made", key });
    listed.reload();
  };
  return (
    <>
      <div className="row end">
        <Button kind="primary" onClick={() => setWish({ kind: "new" })}>
          {texts.new}
        </Button>
      </div>
      <WhenLoaded loaded={listed}>
        {(items) => <KeyTable items={items} onRevoke={(of) => setWish({ kind: "revoke", of })} />}
      </WhenLoaded>
      {wish?.kind === "new" && (
        <SchemaDialog<Wanted>
          title={texts.new}
          submit={words.common.create}
          schema={schemaOfNew()}
          formats={FORMATS}
          onClose={close}
          onSubmit={create}
        />
      )}
      {wish?.kind === "made" && (
        <Dialog title={texts.ready} onClose={close}>
          <div className="notice warning">
            <p>{texts.once}</p>
            <Copied text={wish.key.key} label={texts.key} />
          </div>
          <div className="row end">
            <Button onClick={close}>{words.common.close}</Button>
          </div>
        </Dialog>
      )}
      {wish?.kind === "revoke" && (
        <FormDialog
          title={texts.revokeTitle(wish.of.name)}
          submit={texts.revoke}
          isDanger
          onClose={close}
          onSubmit={async () => {
            await call("DELETE", `/keys/${part(wish.of.id)}`);
            say(texts.isRevoked(wish.of.name));
            close();
            listed.reload();
          }}
        >
          <p>{texts.revokeHint}</p>
        </FormDialog>
      )}
    </>
  );
}

function KeyTable({ items, onRevoke }: { items: ApiKeyBody[]; onRevoke(key: ApiKeyBody): void }) {
  return (
    <Table
      caption={settingWords.tabs.keys}
      items={items}
      keyOf={(each) => each.id}
      columns={[
        {
          name: settingWords.name,
          cell: (each) => (
            <div>
              {each.name} {isOwn(each) && <span className="tag">{texts.own}</span>}
              <div className="hint">{each.id}</div>
            </div>
          ),
        },
        { name: texts.may, cell: (each) => allowedBy(each) },
        { name: texts.groups, cell: (each) => each.groups.join(", ") || "–" },
        { name: texts.state, cell: (each) => <KeyState of={each} /> },
        {
          name: texts.expires,
          cell: (each) => (each.expires_at ? <Ago at={each.expires_at} /> : words.common.never),
        },
        { name: settingWords.created, cell: (each) => <Ago at={each.created_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) =>
            stateOf(each) === "valid" && (
              <div className="row">
                <Button aria-label={`${texts.revoke}: ${each.name}`} onClick={() => onRevoke(each)}>
                  {texts.revoke}
                </Button>
              </div>
            ),
        },
      ]}
    />
  );
}

const isOwn = (key: ApiKeyBody): boolean =>
  session.get().who?.caller.startsWith(`key ${key.id} `) ?? false;

function allowedBy(key: ApiKeyBody): string {
  if (key.workflow_id) return `${texts.byWorkflow}: ${key.workflow_id}`;
  return key.role ?? key.scopes.join(", ");
}

function stateOf(key: ApiKeyBody): "valid" | "revoked" | "expired" {
  if (key.revoked_at) return "revoked";
  return key.expires_at && Date.parse(key.expires_at) < Date.now() ? "expired" : "valid";
}

function KeyState({ of }: { of: ApiKeyBody }) {
  const state = stateOf(of);
  return (
    <span className={`status ${state === "valid" ? "completed" : ""}`}>
      <span aria-hidden="true">{state === "valid" ? "✓" : "⊘"}</span> {texts[state]}
    </span>
  );
}
