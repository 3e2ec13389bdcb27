/** The webhooks: their addresses, who sends to them, and how messages are verified. */
import { useState } from "react";
import { triggerWords } from "#words/triggers.ts";
import { words } from "#words/words.ts";
import { call, get, part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { NewWebhook, WebhookBody } from "../../api/types.ts";
import { FORMATS } from "../../forms/format-fields.tsx";
import { SchemaDialog } from "../../forms/schema-dialog.tsx";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { Copied } from "../../parts/copied.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { OrEmpty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";
import { DeleteDialog } from "./delete-dialog.tsx";

const texts = triggerWords.webhooks;

type Wanted = NewWebhook & { makes?: boolean };
type Wish = { kind: "new" } | { kind: "delete"; of: WebhookBody } | Shown;
interface Shown {
  kind: "sign";
  of: WebhookBody;
  /** A secret that was made just now; it is not shown again. */
  secret: string | null;
}

export function Webhooks() {
  const listed = useLoad("webhooks", (signal) => get<WebhookBody[]>("/webhooks", {}, signal));
  const [wish, setWish] = useState<Wish | null>(null);
  const close = () => setWish(null);
  const create = async ({ makes, ...body }: Wanted) => {
    const secret = makes ? newSecret() : null;
    if (secret && body.secret) {
      const path = `/secrets/${part(body.secret)}`;
      await call("PUT", path, { body: { value: secret } });
    }
    const of = await post<WebhookBody>("/webhooks", body);
    say(triggerWords.made(of.path));
    setWish(of.verification === "standard" ? { kind: "sign", of, secret } : null);
    listed.reload();
  };
  return (
    <>
      {may("triggers:write") && (
        <div className="row end">
          <Button kind="primary" onClick={() => setWish({ kind: "new" })}>
            {texts.new}
          </Button>
        </div>
      )}
      <WhenLoaded loaded={listed}>
        {(items) => (
          <OrEmpty items={items} title={texts.empty} hint={texts.emptyHint}>
            <WebhookTable items={items} onWish={setWish} />
          </OrEmpty>
        )}
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
      {wish?.kind === "sign" && <SignDialog {...wish} onClose={close} />}
      {wish?.kind === "delete" && (
        <DeleteDialog
          name={wish.of.path}
          path={`/webhooks/${wish.of.path.split("/").map(part).join("/")}`}
          onDone={listed.reload}
          onClose={close}
        />
      )}
    </>
  );
}

function schemaOfNew() {
  const makes = {
    type: "boolean",
    title: triggerWords.newSecret,
    description: triggerWords.newSecretHint,
  };
  return {
    type: "object",
    required: ["path", "workflow_id"],
    properties: {
      path: { type: "string", title: texts.path, description: texts.pathHint },
      workflow_id: { type: "string", title: triggerWords.workflow, format: "workflow" },
      verification: { ...chosenOf(texts.senders), title: texts.sender },
      secret: {
        type: "string",
        title: triggerWords.secret,
        description: texts.secretHint,
        format: "secret",
      },
      ...(may("secrets:manage") && { makes }),
      header: { type: "string", title: texts.header, description: texts.headerHint },
      input: { ...chosenOf(texts.inputs), title: texts.input },
      response: { ...chosenOf(texts.responses), title: texts.response },
    },
  };
}

/** Return the schema of a choice, in which the first is chosen; each is explained. */
function chosenOf(named: Record<string, string>) {
  const all = Object.entries(named);
  const description = all.map(([value, text]) => `${value}: ${text}`).join("; ");
  return { enum: Object.keys(named), default: all[0]?.[0], description: `${description}.` };
}

/** Return a new secret of 24 random bytes, as Standard Webhooks writes one. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

function WebhookTable({ items, onWish }: { items: WebhookBody[]; onWish(wish: Wish): void }) {
  return (
    <Table
      caption={triggerWords.tabs.webhooks}
      items={items}
      keyOf={(each) => each.path}
      columns={[
        { name: texts.path, cell: (each) => each.path },
        {
          name: texts.url,
          cell: (each) => <Copied text={urlOf(each)} label={`${texts.url}: ${each.path}`} />,
        },
        { name: triggerWords.workflow, cell: (each) => each.workflow_id },
        { name: texts.sender, cell: (each) => texts.senders[each.verification ?? "standard"] },
        { name: triggerWords.secret, cell: (each) => <code>{each.secret ?? "–"}</code> },
        { name: triggerWords.created, cell: (each) => <Ago at={each.created_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) => (
            <div className="row">
              {each.verification === "standard" && (
                <Button
                  aria-label={`${texts.sign}: ${each.path}`}
                  onClick={() => onWish({ kind: "sign", of: each, secret: null })}
                >
                  {texts.sign}
                </Button>
              )}
              {may("triggers:write") && (
                <IconButton
                  label={`${words.common.delete}: ${each.path}`}
                  onClick={() => onWish({ kind: "delete", of: each })}
                >
                  ✕
                </IconButton>
              )}
            </div>
          ),
        },
      ]}
    />
  );
}

const urlOf = (webhook: WebhookBody): string => new URL(webhook.url_path, location.href).href;

function SignDialog({ of, secret, onClose }: Shown & { onClose(): void }) {
  return (
    <Dialog title={secret ? texts.ready(of.path) : texts.sign} onClose={onClose} isWide>
      {secret && (
        <div className="notice warning">
          <p>{texts.once}</p>
          <Copied text={secret} label={triggerWords.secret} />
        </div>
      )}
      <p>{texts.signHint}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre className="block" tabIndex={0}>
        {exampleOf(urlOf(of))}
      </pre>
      <div className="row end">
        <Button onClick={onClose}>{words.common.close}</Button>
      </div>
    </Dialog>
  );
}

const exampleOf = (url: string): string => `SECRET=whsec_…
ID=$(uuidgen) AT=$(date +%s) BODY='{"message": "hi"}'
KEY=$(printf %s "\${SECRET#whsec_}" | base64 -d | xxd -p -c 99)
SIGNATURE=$(printf %s "$ID.$AT.$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)
curl -H "webhook-id: $ID" -H "webhook-timestamp: $AT" \\
  -H "webhook-signature: v1,$SIGNATURE" --json "$BODY" \\
  ${url}`;
