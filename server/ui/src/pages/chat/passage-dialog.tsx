/** The passage that an answer cites, as it is in its document. */
import { chatWords } from "#words/chat.ts";
import { words } from "#words/words.ts";
import { Button } from "../../parts/buttons.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { useLoad } from "../../state/load.ts";
import { type Passage, passagesOf } from "./sources.ts";

interface PassageProperties {
  runId: string;
  number: number;
  onClose(): void;
}

export function PassageDialog({ runId, number, onClose }: PassageProperties) {
  const loaded = useLoad(`passages ${runId}`, () => passagesOf(runId));
  return (
    <Dialog title={chatWords.source(number)} onClose={onClose}>
      <WhenLoaded loaded={loaded}>
        {(passages) => {
          const found = passages.find((each) => each.number === number);
          return found ? <PassageText passage={found} /> : <p>{chatWords.noSource}</p>;
        }}
      </WhenLoaded>
      <div className="row end">
        <Button onClick={onClose}>{words.common.close}</Button>
      </div>
    </Dialog>
  );
}

export function PassageText({ passage }: { passage: Passage }) {
  return (
    <div className="stack">
      <p>
        <strong>{passage.source}</strong>
        {passage.page !== null && `, ${chatWords.page(String(passage.page))}`}
      </p>
      {passage.headings.length > 0 && <p className="hint">{passage.headings.join(" › ")}</p>}
      <blockquote className="text">{passage.text}</blockquote>
    </div>
  );
}
