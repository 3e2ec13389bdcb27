/** The messages of a conversation. */
import { type ReactNode, useCallback, useState } from "react";
import { chatWords } from "#words/chat.ts";
import { isObject } from "../../api/client.ts";
import type { MessageBody } from "../../api/types.ts";
import { Markdown } from "../../parts/markdown.tsx";
import { Ago, Value } from "../../parts/values.tsx";
import { PassageDialog } from "./passage-dialog.tsx";
import { RunDetails } from "./run-details.tsx";

/** One message; that of a person is shown as it was typed. */
export function Message(properties: {
  from: "person" | "answer";
  name: string;
  children: ReactNode;
  at?: string;
}) {
  const isPerson = properties.from === "person";
  return (
    <article className={`message ${properties.from}`}>
      <h2>
        {isPerson ? chatWords.you : properties.name}
        {properties.at && (
          <span className="hint">
            {" "}
            <Ago at={properties.at} />
          </span>
        )}
      </h2>
      {properties.children}
    </article>
  );
}

export function StoredMessage({ message, name }: { message: MessageBody; name: string }) {
  const { role, content, run_id: runId } = message;
  const isPerson = role === "user";
  const text = textIn(content);
  return (
    <Message from={isPerson ? "person" : "answer"} name={name} at={message.created_at}>
      {text === null ? (
        <Value value={content} />
      ) : isPerson || runId === null ? (
        <p className="text">{text}</p>
      ) : (
        <Answer text={text} runId={runId} />
      )}
    </Message>
  );
}

/** An answer, whose numbers in brackets open the passages of its run. */
export function Answer({ text, runId }: { text: string; runId: string }) {
  const [source, setSource] = useState<number | null>(null);
  const [isOpen, setOpen] = useState(false);
  const cite = useCallback(
    (number: number) => (
      <button
        type="button"
        className="cite"
        aria-label={chatWords.source(number)}
        onClick={() => setSource(number)}
      >
        [{number}]
      </button>
    ),
    [],
  );
  return (
    <>
      <Markdown text={text} cite={cite} />
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{chatWords.more}</summary>
        {isOpen && <RunDetails runId={runId} onSource={setSource} />}
      </details>
      {source !== null && (
        <PassageDialog runId={runId} number={source} onClose={() => setSource(null)} />
      )}
    </>
  );
}

/** Return the text of a message, also of one in parts; null if it has none. */
function textIn(content: unknown): string | null {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return null;
  const texts = content.filter(isObject).map((each) => each["text"]);
  return texts.every((each) => typeof each === "string") ? texts.join("\n\n") : null;
}
