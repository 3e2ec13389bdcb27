/** What changes in meaning between two definitions. */
import { stringify } from "yaml";
import { builderWords } from "#words/builder.ts";
import type { ChangeBody } from "../api/types.ts";

export function ChangeList({ changes }: { changes: readonly ChangeBody[] }) {
  if (changes.length === 0) return <p>{builderWords.noChanges}</p>;
  return (
    <ul className="change-list">
      {changes.map((each) => (
        <li key={JSON.stringify(each)}>
          <span className={`tag ${each.kind}`}>{builderWords.kinds[each.kind]}</span> {each.subject}
          {each.before != null && (
            <del>
              <span className="hidden">{builderWords.before}: </span>
              {shown(each.before)}
            </del>
          )}
          {each.after != null && (
            <ins>
              <span className="hidden">{builderWords.after}: </span>
              {shown(each.after)}
            </ins>
          )}
        </li>
      ))}
    </ul>
  );
}

const shown = (value: unknown): string =>
  typeof value === "string" ? value : stringify(value, { lineWidth: 0 }).trimEnd();
