/** The schedules: their next times, and what can be done with each. */
import { useState } from "react";
import { triggerWords } from "#words/triggers.ts";
import { words } from "#words/words.ts";
import { call, get, part, post } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type {
  BackfillReceipt,
  BackfillRequest,
  NewSchedule,
  ScheduleBody,
  ScheduleChange,
} from "../../api/types.ts";
import { FORMATS } from "../../forms/format-fields.tsx";
import { SchemaDialog } from "../../forms/schema-dialog.tsx";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { ErrorNotice, OrEmpty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago, StatusBadge } from "../../parts/values.tsx";
import { Link } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";
import { formatMoment } from "../../words/format.ts";
import { DeleteDialog } from "./delete-dialog.tsx";

const texts = triggerWords.schedules;
const NEW = {
  type: "object",
  required: ["id", "workflow_id", "cron"],
  properties: {
    id: { type: "string", title: triggerWords.id, pattern: "^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,127}$" },
    workflow_id: { type: "string", title: triggerWords.workflow, format: "workflow" },
    cron: { type: "string", title: texts.cron, description: texts.cronHint },
    timezone: { type: "string", title: texts.timezone, format: "timezone", default: "UTC" },
    input: { type: "object", title: texts.input },
    catch_up: { type: "boolean", title: texts.catchUp, description: texts.catchUpHint },
  },
};
const { id: _, ...CHANGEABLE } = NEW.properties;
const CHANGED = { ...NEW, required: ["workflow_id", "cron"], properties: CHANGEABLE };
const PERIOD = {
  type: "object",
  required: ["start", "end"],
  properties: {
    start: { type: "string", format: "date-time", title: texts.start },
    end: { type: "string", format: "date-time", title: texts.end },
  },
};

type Wish = { kind: "new" } | { kind: "edit" | "delete" | "backfill"; of: ScheduleBody };

export function Schedules() {
  const listed = useLoad("schedules", (signal) => get<ScheduleBody[]>("/schedules", {}, signal));
  const [wish, setWish] = useState<Wish | null>(null);
  const [error, setError] = useState<unknown>();
  const close = () => setWish(null);
  const act = async (id: string, name: string, text: string) => {
    setError(undefined);
    try {
      await post(`/schedules/${part(id)}/${name}`);
      say(text);
    } catch (caught) {
      setError(caught);
    }
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
      {error !== undefined && <ErrorNotice error={error} />}
      <WhenLoaded loaded={listed}>
        {(items) => (
          <OrEmpty items={items} title={texts.empty} hint={texts.emptyHint}>
            <ScheduleTable items={items} act={act} onWish={setWish} />
          </OrEmpty>
        )}
      </WhenLoaded>
      {wish?.kind === "new" && (
        <SchemaDialog<NewSchedule>
          title={texts.new}
          submit={words.common.create}
          schema={NEW}
          formats={FORMATS}
          onClose={close}
          onSubmit={async (body) => {
            await post("/schedules", body);
            say(triggerWords.made(body.id));
            close();
            listed.reload();
          }}
        />
      )}
      {wish?.kind === "edit" && (
        <SchemaDialog<ScheduleChange>
          title={`${texts.edit}: ${wish.of.id}`}
          submit={words.common.save}
          schema={CHANGED}
          formats={FORMATS}
          initial={changeable(wish.of)}
          onClose={close}
          onSubmit={async (body) => {
            await call("PUT", `/schedules/${part(wish.of.id)}`, { body });
            say(texts.changed(wish.of.id));
            close();
            listed.reload();
          }}
        />
      )}
      {wish?.kind === "backfill" && (
        <SchemaDialog<BackfillRequest>
          title={`${texts.backfill}: ${wish.of.id}`}
          submit={texts.backfill}
          schema={PERIOD}
          onClose={close}
          onSubmit={async (body) => {
            const path = `/schedules/${part(wish.of.id)}/backfill`;
            say(texts.filled((await post<BackfillReceipt>(path, body)).runs));
            close();
          }}
        >
          <p>{texts.backfillHint}</p>
        </SchemaDialog>
      )}
      {wish?.kind === "delete" && (
        <DeleteDialog
          name={wish.of.id}
          path={`/schedules/${part(wish.of.id)}`}
          onDone={listed.reload}
          onClose={close}
        />
      )}
    </>
  );
}

/** Return what can be changed of a schedule, as it is. */
function changeable(of: ScheduleBody): ScheduleChange {
  const { workflow_id, cron, timezone, input, catch_up } = of;
  return { workflow_id, cron, timezone, input, catch_up };
}

interface TableProperties {
  items: ScheduleBody[];
  act(id: string, name: string, text: string): Promise<void>;
  onWish(wish: Wish): void;
}

function ScheduleTable({ items, act, onWish }: TableProperties) {
  return (
    <Table
      caption={triggerWords.tabs.schedules}
      items={items}
      keyOf={(each) => each.id}
      columns={[
        { name: triggerWords.id, cell: (each) => each.id },
        {
          name: triggerWords.workflow,
          cell: (each) => (
            <Link to={`/ui/workflows/${part(each.workflow_id)}`}>{each.workflow_id}</Link>
          ),
        },
        {
          name: texts.cron,
          cell: (each) => (
            <div>
              <code>{each.cron}</code>
              <div className="hint">{each.timezone}</div>
            </div>
          ),
        },
        {
          name: texts.state,
          cell: (each) => (
            <div>
              {each.paused ? <StatusBadge status="paused" /> : texts.on}
              {each.problem && <div className="error-text">{each.problem}</div>}
            </div>
          ),
        },
        { name: texts.next, cell: (each) => <NextTimes times={each.next_times} /> },
        { name: texts.last, cell: (each) => <Ago at={each.last_fired_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) =>
            may("triggers:write") && <ScheduleActions of={each} act={act} onWish={onWish} />,
        },
      ]}
    />
  );
}

function ScheduleActions({
  of,
  act,
  onWish,
}: { of: ScheduleBody } & Omit<TableProperties, "items">) {
  const { id, paused } = of;
  return (
    <div className="row">
      <Button
        aria-label={`${texts.run}: ${id}`}
        onClick={() => void act(id, "trigger", texts.started(id))}
      >
        {texts.run}
      </Button>
      <Button
        aria-label={`${paused ? texts.resume : texts.pause}: ${id}`}
        onClick={() =>
          void (paused ? act(id, "resume", texts.isOn(id)) : act(id, "pause", texts.isPaused(id)))
        }
      >
        {paused ? texts.resume : texts.pause}
      </Button>
      <IconButton label={`${texts.edit}: ${id}`} onClick={() => onWish({ kind: "edit", of })}>
        ✎
      </IconButton>
      <IconButton
        label={`${texts.backfill}: ${id}`}
        onClick={() => onWish({ kind: "backfill", of })}
      >
        ↺
      </IconButton>
      <IconButton
        label={`${words.common.delete}: ${id}`}
        onClick={() => onWish({ kind: "delete", of })}
      >
        ✕
      </IconButton>
    </div>
  );
}

function NextTimes({ times }: { times: string[] }) {
  if (times.length === 0) return <span className="faint">–</span>;
  return times.map((each) => <div key={each}>{formatMoment(each)}</div>);
}
