/** A conversation: what is stored of it, the answer that comes, and where one types. */
import { useEffect, useRef, useState } from "react";
import { chatWords } from "#words/chat.ts";
import { ApiError, isObject, post } from "../../api/client.ts";
import { followRun } from "../../api/events.ts";
import type { ChatStartBody, FileBody, InterruptBody, ThreadBody } from "../../api/types.ts";
import { AnswerForm } from "../../forms/answer-form.tsx";
import { questionOf } from "../../forms/question.ts";
import { Button } from "../../parts/buttons.tsx";
import { Markdown } from "../../parts/markdown.tsx";
import { NamedValues } from "../../parts/named-values.tsx";
import { Empty, ErrorNotice } from "../../parts/notices.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";
import { Composer } from "./composer.tsx";
import { Message, StoredMessage } from "./messages.tsx";
import { SaidStep } from "./run-details.tsx";
import { isAtWork, readThread, type Thread } from "./thread.ts";
import { type LiveTurn, useTurns } from "./turn.ts";

interface ConversationProperties {
  workflow: { id: string; name: string; takesFiles: boolean; chat: ChatStartBody | null };
  threadId: string | null;
  /** A thread was begun, or has a new message. */
  onThread(id: string): void;
}

export function Conversation({ workflow, threadId, onThread }: ConversationProperties) {
  const loaded = useLoad(`thread ${threadId}`, (signal) => readThread(threadId, signal));
  const turns = useTurns(workflow.id);
  const { live } = turns;
  const [failure, setFailure] = useState<Failed | null>(null);
  const thread = loaded.data;
  const shown = useShown(thread, turns.end);
  useWatched(thread, live !== null, loaded.reload);
  const talk = async (message: string, files: File[] = []) => {
    setFailure(null);
    shown.begin();
    try {
      const id = threadId ?? (await begun(workflow.id, message));
      if (id !== threadId) onThread(id);
      const input = files.length > 0 ? { files: await uploaded(files) } : {};
      await turns.send({ message, thread_id: id, input });
      onThread(id);
    } catch (error) {
      const isLost = error instanceof ApiError && error.code === "connection-lost";
      if (isLost) say(chatWords.lost);
      // What the connection was lost of may be at work; it is not sent twice.
      else setFailure({ error, again: () => void talk(message, files) });
    } finally {
      shown.end();
      loaded.reload();
    }
  };
  const halt = async () => {
    try {
      await turns.stop();
      say(chatWords.stopped);
    } catch (error) {
      setFailure({ error, again: () => void halt() });
    }
  };
  const isEmpty = thread?.messages.length === 0 && !live;
  return (
    <div className="conversation">
      {loaded.error !== undefined && <ErrorNotice error={loaded.error} retry={loaded.reload} />}
      {isEmpty && (
        <Beginning name={workflow.name} chat={workflow.chat} onAsk={(text) => void talk(text)} />
      )}
      {thread && (
        <Messages
          thread={thread}
          name={workflow.name}
          until={shown.until}
          hasLive={live !== null}
        />
      )}
      {live && <Live turn={live} name={workflow.name} isBusy={!shown.isOver} />}
      {thread && !live && <Ending thread={thread} talk={talk} name={workflow.name} />}
      {failure && <ErrorNotice error={failure.error} retry={failure.again} />}
      <Composer
        isBusy={live !== null && !shown.isOver}
        takesFiles={workflow.takesFiles}
        onSend={(text, files) => void talk(text, files)}
        onStop={() => void halt()}
      />
    </div>
  );
}

/** What the workflow says first, and questions that are asked with one click. */
function Beginning(properties: {
  name: string;
  chat: ChatStartBody | null;
  onAsk(text: string): void;
}) {
  const { name, chat, onAsk } = properties;
  const questions = chat?.suggested_questions ?? [];
  if (!chat?.opening && questions.length === 0) return <Empty title={chatWords.begin(name)} />;
  return (
    <section className="stack beginning" aria-label={chatWords.begin(name)}>
      {chat?.opening ? <Markdown text={chat.opening} /> : <p>{chatWords.begin(name)}</p>}
      {questions.length > 0 && (
        <ul className="row" aria-label={chatWords.suggested}>
          {questions.map((each) => (
            <li key={each}>
              <Button onClick={() => onAsk(each)}>{each}</Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface Failed {
  error: unknown;
  again(): void;
}

/**
 * Say which stored messages are shown: while a turn is shown as it comes, those before it.
 *
 * It is shown until the thread was read once more after its end.
 */
function useShown(thread: Thread | undefined, forget: () => void) {
  const [until, setUntil] = useState(Number.POSITIVE_INFINITY);
  const [isOver, setOver] = useState(false);
  const latest = useRef(thread);
  latest.current = thread;
  const outdated = useRef<Thread | undefined>(undefined);
  useEffect(() => {
    if (!isOver || !thread || thread === outdated.current) return;
    forget();
    setUntil(Number.POSITIVE_INFINITY);
    setOver(false);
  }, [isOver, thread, forget]);
  const begin = () => {
    setOver(false);
    setUntil(latest.current?.messages.at(-1)?.number ?? 0);
  };
  const end = () => {
    outdated.current = latest.current;
    setOver(true);
  };
  return { until, isOver, begin, end };
}

interface MessagesProperties {
  thread: Thread;
  name: string;
  until: number;
  hasLive: boolean;
}

function Messages({ thread, name, until, hasLive }: MessagesProperties) {
  const { messages, question } = thread;
  const last = messages.at(-1);
  // What is asked is shown as a form.
  const asked = !hasLive && question && last?.role === "assistant" ? last.number : null;
  return (
    <div className="stack" role="log" aria-label={chatWords.log}>
      {messages
        .filter((each) => each.number <= until && each.number !== asked)
        .map((each) => (
          <StoredMessage key={each.number} message={each} name={name} />
        ))}
    </div>
  );
}

function Live({ turn, name, isBusy }: { turn: LiveTurn; name: string; isBusy: boolean }) {
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new piece may need to be scrolled to
  useEffect(() => {
    const isNear = document.documentElement.scrollHeight - scrollY - innerHeight < 400;
    if (isNear) end.current?.scrollIntoView({ block: "end" });
  }, [turn]);
  return (
    <>
      <Message from="person" name={name}>
        <p className="text">{turn.message}</p>
      </Message>
      <Message from="answer" name={name}>
        <div aria-busy={isBusy} className="stack">
          {turn.steps.map((each, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: steps are only added
            <SaidStep key={index} kind={each.kind} data={each.data} />
          ))}
          {turn.text ? (
            <Markdown text={turn.text} />
          ) : (
            isBusy && <p className="faint">{chatWords.answering}…</p>
          )}
        </div>
      </Message>
      <div ref={end} className="scroll-end" />
    </>
  );
}

interface EndingProperties {
  thread: Thread;
  name: string;
  talk(message: string): Promise<void>;
}

/** What is after the last message: a question, a failure, or that an answer is on its way. */
function Ending({ thread, name, talk }: EndingProperties) {
  const { messages, run, question } = thread;
  const last = messages.at(-1);
  if (question) return <Question question={question} name={name} talk={talk} />;
  if (isAtWork(thread)) return <p className="faint">{chatWords.answering}…</p>;
  if (!run || last?.role !== "user" || run.status === "completed") return null;
  const isStopped = run.status === "cancelled";
  return (
    <div className={`notice ${isStopped ? "" : "error"}`} role="status">
      <p>
        <strong>{isStopped ? chatWords.stopped : `${chatWords.failed}.`}</strong>{" "}
        {!isStopped && run.error?.message}
      </p>
      <Button onClick={() => void talk(String(last.content))}>{chatWords.again}</Button>
    </div>
  );
}

/** What the run asks: as choices or as a form; a message can answer it, too. */
function Question(properties: {
  question: InterruptBody;
  name: string;
  talk(message: string): Promise<void>;
}) {
  const question = questionOf(properties.question);
  const answer = async (given: Record<string, unknown>) => {
    const { choice, ...fields } = given;
    const isPlain = typeof choice === "string" && Object.keys(fields).length === 0;
    await properties.talk(isPlain ? choice : JSON.stringify(given));
  };
  return (
    <Message from="answer" name={properties.name}>
      <h3 className="text">{question.title}</h3>
      {question.instructions && <p className="text">{question.instructions}</p>}
      {question.data !== null && question.data !== undefined && (
        <NamedValues value={question.data} />
      )}
      <AnswerForm key={properties.question.id} question={question} onAnswer={answer} />
    </Message>
  );
}

/** Read a thread again when the run of its last message comes to an end, or asks. */
function useWatched(thread: Thread | undefined, isLive: boolean, reload: () => void) {
  const runId = thread && !isLive && isAtWork(thread) ? thread.run?.id : undefined;
  useEffect(() => {
    if (!runId) return;
    const stream = followRun(runId, {
      event: (event) => event.kind === "run.waiting" && reload(),
      ended: reload,
    });
    return () => stream.close();
  }, [runId, reload]);
}

/** Begin a thread that is called as its first words. */
async function begun(workflowId: string, message: string): Promise<string> {
  const title = message.trim().split("\n")[0]?.slice(0, 80) ?? "";
  const body = { workflow_id: workflowId, metadata: { title } };
  return (await post<ThreadBody>("/threads", body)).id;
}

async function uploaded(files: File[]): Promise<string[]> {
  const ids: string[] = [];
  for (const file of files) {
    const form = new FormData();
    form.append("file", file);
    ids.push((await post<FileBody>("/knowledge/files", form)).id);
  }
  return ids;
}

/** Return whether the author of a workflow declares the input `files`. */
export function takesFiles(definition: Record<string, unknown>): boolean {
  const input = definition["input"];
  // A form is a list of fields.
  if (Array.isArray(input)) return input.some((each) => isObject(each) && each["name"] === "files");
  const fields = isObject(input) && isObject(input["properties"]) ? input["properties"] : input;
  return isObject(fields) && "files" in fields;
}
