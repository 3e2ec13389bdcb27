/** The subscriptions, and what was delivered to each. */
import { useState } from "react";
import { triggerWords } from "#words/triggers.ts";
import { words } from "#words/words.ts";
import { get, isObject, part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { DeliveryBody, NewSubscription, SubscriptionBody } from "../../api/types.ts";
import { FORMATS } from "../../forms/format-fields.tsx";
import { SchemaDialog } from "../../forms/schema-dialog.tsx";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { OrEmpty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useInterval, useLoad } from "../../state/load.ts";
import { DeleteDialog } from "./delete-dialog.tsx";

const texts = triggerWords.subscriptions;
const EVENTS = ["run.completed", "run.failed", "run.cancelled", "run.paused", "run.waiting"];
const NEW = {
  type: "object",
  required: ["url", "events", "secret"],
  properties: {
    url: { type: "string", format: "uri", title: texts.url, description: texts.urlHint },
    events: {
      type: "array",
      items: { enum: EVENTS },
      uniqueItems: true,
      minItems: 1,
      title: texts.events,
      default: ["run.completed", "run.failed"],
    },
    workflow_id: { type: "string", title: triggerWords.workflow, format: "workflow" },
    secret: {
      type: "string",
      title: triggerWords.secret,
      description: triggerWords.secretHint,
      format: "secret",
    },
  },
};

type Wish = { kind: "new" } | { kind: "delete" | "deliveries"; of: SubscriptionBody };

export function Subscriptions() {
  const listed = useLoad("subscriptions", (signal) =>
    get<SubscriptionBody[]>("/subscriptions", {}, signal),
  );
  const [wish, setWish] = useState<Wish | null>(null);
  const close = () => setWish(null);
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
            <SubscriptionTable items={items} onWish={setWish} />
          </OrEmpty>
        )}
      </WhenLoaded>
      {wish?.kind === "new" && (
        <SchemaDialog<NewSubscription>
          title={texts.new}
          submit={words.common.create}
          schema={NEW}
          formats={FORMATS}
          onClose={close}
          onSubmit={async (body) => {
            await post("/subscriptions", body);
            say(triggerWords.made(body.url));
            close();
            listed.reload();
          }}
        />
      )}
      {wish?.kind === "deliveries" && <Deliveries of={wish.of} onClose={close} />}
      {wish?.kind === "delete" && (
        <DeleteDialog
          name={wish.of.url}
          path={`/subscriptions/${part(wish.of.id)}`}
          onDone={listed.reload}
          onClose={close}
        />
      )}
    </>
  );
}

interface TableProperties {
  items: SubscriptionBody[];
  onWish(wish: Wish): void;
}

function SubscriptionTable({ items, onWish }: TableProperties) {
  return (
    <Table
      caption={triggerWords.tabs.subscriptions}
      items={items}
      keyOf={(each) => each.id}
      columns={[
        { name: texts.url, cell: (each) => each.url },
        { name: texts.events, cell: (each) => each.events.join(", ") },
        { name: triggerWords.workflow, cell: (each) => each.workflow_id ?? texts.all },
        { name: triggerWords.secret, cell: (each) => <code>{each.secret}</code> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) => (
            <div className="row">
              <Button
                aria-label={texts.deliveriesOf(each.url)}
                onClick={() => onWish({ kind: "deliveries", of: each })}
              >
                {texts.deliveries}
              </Button>
              {may("triggers:write") && (
                <IconButton
                  label={`${words.common.delete}: ${each.url}`}
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

const LOOKS: Record<string, [string, string]> = {
  pending: ["waiting", "◔"],
  delivered: ["completed", "✓"],
  "given up": ["failed", "✕"],
};

function Deliveries({ of, onClose }: { of: SubscriptionBody; onClose(): void }) {
  const loaded = useLoad(`deliveries ${of.id}`, (signal) =>
    get<DeliveryBody[]>(`/subscriptions/${part(of.id)}/deliveries`, {}, signal),
  );
  useInterval(loaded.reload, 5_000);
  return (
    <Dialog title={texts.deliveriesOf(of.url)} onClose={onClose} isWide>
      <WhenLoaded loaded={loaded}>
        {(items) =>
          items.length === 0 ? (
            <p>{texts.noDelivery}</p>
          ) : (
            <Table
              caption={texts.deliveries}
              items={items}
              keyOf={(each) => each.id}
              columns={[
                { name: texts.status, cell: (each) => <DeliveryState status={each.status} /> },
                { name: texts.event, cell: (each) => eventOf(each.payload) },
                { name: texts.attempts, isNumber: true, cell: (each) => each.attempts },
                {
                  name: texts.problem,
                  cell: (each) => <span className="error-text">{each.problem}</span>,
                },
                { name: texts.at, cell: (each) => <Ago at={each.created_at} /> },
              ]}
            />
          )
        }
      </WhenLoaded>
      <div className="row end">
        <Button onClick={onClose}>{words.common.close}</Button>
      </div>
    </Dialog>
  );
}

function DeliveryState({ status }: { status: string }) {
  const names: Record<string, string> = triggerWords.states;
  const [look, mark] = LOOKS[status] ?? ["", "?"];
  return (
    <span className={`status ${look}`}>
      <span aria-hidden="true">{mark}</span> {names[status] ?? status}
    </span>
  );
}

const eventOf = (payload: unknown): string =>
  isObject(payload) ? String(payload["type"] ?? payload["event"] ?? "–") : "–";
