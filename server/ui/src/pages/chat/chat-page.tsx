/** Conversations with workflows that take a message. */
import { useState } from "react";
import { chatWords } from "#words/chat.ts";
import { words } from "#words/words.ts";
import { call, get, isObject, part } from "../../api/client.ts";
import { may } from "../../api/session.ts";
import type { ThreadBody, ThreadPage, WorkflowBody } from "../../api/types.ts";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { FormDialog } from "../../parts/dialog.tsx";
import { SelectField } from "../../parts/fields.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Ago } from "../../parts/values.tsx";
import { Link, navigate, useQuery } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useTitle } from "../../shell/title.ts";
import { type Loaded, useLoad } from "../../state/load.ts";
import { Conversation, takesFiles } from "./conversation.tsx";
import "./chat.css";

interface Models {
  data: { id: string }[];
}

export default function ChatPage({ workflow }: Record<string, string>) {
  useTitle(workflow ? `${workflow} · ${chatWords.title}` : chatWords.title);
  const models = useLoad("talkers", (signal) => get<Models>("/v1/models", {}, signal));
  return (
    <div className="page">
      <h1 className={workflow ? "hidden" : undefined}>{chatWords.title}</h1>
      <WhenLoaded loaded={models}>
        {({ data }) => {
          const ids = data.map((each) => each.id);
          if (workflow) return <Talk key={workflow} id={workflow} ids={ids} />;
          return ids.length > 0 ? <Choose ids={ids} /> : <NoWorkflow />;
        }}
      </WhenLoaded>
    </div>
  );
}

function NoWorkflow() {
  return (
    <Empty title={chatWords.noWorkflow}>
      <p>{chatWords.noWorkflowHint}</p>
      <Link className="button primary" to="/ui/workflows">
        {chatWords.toWorkflows}
      </Link>
    </Empty>
  );
}

function Choose({ ids }: { ids: string[] }) {
  return (
    <section className="stack">
      <h2>{chatWords.choose}</h2>
      <p className="hint">{chatWords.chooseHint}</p>
      <ul className="cards">
        {ids.map((id) => (
          <li key={id}>
            <Link className="card" to={`/ui/chat/${part(id)}`}>
              {id}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Talk({ id, ids }: { id: string; ids: string[] }) {
  const [query, change] = useQuery();
  const threadId = query.get("thread");
  // A conversation that begins is the same one when it has its id.
  const [shown, setShown] = useState({ key: 0, threadId });
  if (shown.threadId !== threadId) setShown({ key: shown.key + 1, threadId });
  const known = useLoad(`workflow ${id}`, (signal) =>
    get<WorkflowBody>(`/workflows/${part(id)}`, {}, signal),
  );
  const threads = useLoad(`threads ${id}`, (signal) =>
    get<ThreadPage>("/threads", { workflow_id: id, limit: 50 }, signal),
  );
  const open = (thread: string | null) => change({ thread }, { replace: false });
  const begun = (thread: string) => {
    if (thread !== threadId) {
      setShown({ ...shown, threadId: thread });
      change({ thread });
    }
    threads.reload();
  };
  return (
    <div className="chat">
      <aside className="stack">
        <SelectField
          label={chatWords.workflow}
          value={id}
          onChange={(event) => navigate(`/ui/chat/${part(event.target.value)}`)}
        >
          {(ids.includes(id) ? ids : [id, ...ids]).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </SelectField>
        <Button kind="primary" onClick={() => open(null)}>
          <span aria-hidden="true">+</span> {chatWords.newThread}
        </Button>
        <Threads threads={threads} current={threadId} onOpen={open} workflowId={id} />
      </aside>
      <WhenLoaded loaded={known}>
        {({ name, definition, chat }) => (
          <Conversation
            key={shown.key}
            workflow={{
              id,
              name: name || id,
              takesFiles: takesFiles(definition),
              chat: chat ?? null,
            }}
            threadId={threadId}
            onThread={begun}
          />
        )}
      </WhenLoaded>
    </div>
  );
}

function Threads(properties: {
  threads: Loaded<ThreadPage>;
  current: string | null;
  workflowId: string;
  onOpen(id: string | null): void;
}) {
  const { threads, current, workflowId } = properties;
  const [doomed, setDoomed] = useState<ThreadBody | null>(null);
  return (
    <details className="threads" open={innerWidth > 720}>
      <summary>{chatWords.threads}</summary>
      <WhenLoaded loaded={threads}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="hint">{chatWords.noThread}</p>
          ) : (
            <ul>
              {items.map((each) => (
                <li key={each.id}>
                  <Link
                    to={`/ui/chat/${part(workflowId)}?thread=${part(each.id)}`}
                    aria-current={each.id === current ? "page" : undefined}
                  >
                    <span>{titleOfThread(each)}</span>
                    <span className="hint">
                      {chatWords.messages(each.messages)}, <Ago at={each.updated_at} />
                    </span>
                  </Link>
                  {may("threads:write") && (
                    <IconButton
                      label={`${words.common.delete}: ${titleOfThread(each)}`}
                      onClick={() => setDoomed(each)}
                    >
                      ✕
                    </IconButton>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </WhenLoaded>
      {doomed && (
        <FormDialog
          title={chatWords.deleteThread}
          submit={words.common.delete}
          isDanger
          onClose={() => setDoomed(null)}
          onSubmit={async () => {
            await call("DELETE", `/threads/${part(doomed.id)}`);
            say(chatWords.deleted);
            setDoomed(null);
            if (doomed.id === current) properties.onOpen(null);
            threads.reload();
          }}
        >
          <p>{titleOfThread(doomed)}</p>
          <p>{chatWords.deleteThreadHint}</p>
        </FormDialog>
      )}
    </details>
  );
}

function titleOfThread(thread: ThreadBody): string {
  const title = isObject(thread.metadata) ? thread.metadata["title"] : undefined;
  return typeof title === "string" && title
    ? title
    : `${chatWords.untitled} ${thread.id.slice(0, 8)}`;
}
