/** Where a person types a message, and adds files if the workflow takes them. */
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { chatWords } from "#words/chat.ts";
import { Button, IconButton } from "../../parts/buttons.tsx";
import { TextArea } from "../../parts/fields.tsx";

interface ComposerProperties {
  isBusy: boolean;
  /** Whether the workflow takes `files`. */
  takesFiles: boolean;
  onSend(text: string, files: File[]): void;
  onStop(): void;
}

export function Composer({ isBusy, takesFiles, onSend, onStop }: ComposerProperties) {
  const [text, setText] = useState("");
  const [files, setFiles] = useState<File[]>([]);
  const chooser = useRef<HTMLInputElement>(null);
  const send = () => {
    if (isBusy || !text.trim()) return;
    onSend(text, files);
    setText("");
    setFiles([]);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const press = (event: KeyboardEvent) => {
    // While a character is composed, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="composer panel" onSubmit={submit}>
      <TextArea
        label={chatWords.message}
        isBare
        rows={2}
        placeholder={chatWords.message}
        hint={chatWords.messageHint}
        value={text}
        onKeyDown={press}
        onChange={(event) => setText(event.target.value)}
      />
      {files.length > 0 && (
        <ul className="row files">
          {files.map((each) => (
            <li key={each.name} className="tag">
              {each.name}
              <IconButton
                label={chatWords.detach(each.name)}
                onClick={() => setFiles(files.filter((other) => other !== each))}
              >
                ✕
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <div className="row end">
        {takesFiles && (
          <>
            <input
              ref={chooser}
              type="file"
              multiple
              hidden
              aria-label={chatWords.attach}
              onChange={(event) => {
                setFiles([...files, ...(event.target.files ?? [])]);
                event.target.value = "";
              }}
            />
            <Button onClick={() => chooser.current?.click()}>{chatWords.attach}</Button>
          </>
        )}
        {isBusy ? (
          <Button kind="danger" onClick={onStop}>
            <span aria-hidden="true">■</span> {chatWords.stop}
          </Button>
        ) : (
          <Button type="submit" kind="primary" disabled={!text.trim()}>
            {chatWords.send}
          </Button>
        )}
      </div>
    </form>
  );
}
