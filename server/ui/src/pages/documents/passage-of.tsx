/** A passage: where it is in its document, and its text. */
import { documentWords } from "#words/documents.ts";
import { formatNumber } from "../../words/format.ts";

interface PassageProperties {
  title: string;
  more: string;
  passage: {
    text: string;
    page: number | null;
    last_page: number | null;
    headings: string[];
    start: number;
    end: number;
  };
}

export function PassageOf({ title, more, passage }: PassageProperties) {
  const { page, last_page: last, headings, start, end } = passage;
  const where = [
    page !== null && documentWords.page(page, last),
    documentWords.characters(formatNumber(start), formatNumber(end)),
    more,
  ];
  return (
    <article className="passage">
      <h3>{title}</h3>
      <p className="hint">{where.filter(Boolean).join(" · ")}</p>
      {headings.length > 0 && <p className="hint">{headings.join(" › ")}</p>}
      <p className="text">{passage.text}</p>
    </article>
  );
}
