/** The node types, by group: to search, to choose, to drag. */
import { useEffect, useState } from "react";
import { builderWords } from "#words/builder.ts";
import { canvasWords } from "#words/canvas.ts";
import type { NodeTypeBody } from "../api/types.ts";
import { iconOf } from "../canvas/graph-box.tsx";
import { NODE_TYPE } from "../canvas/graph-canvas.tsx";
import { TextField } from "../parts/fields.tsx";
import { ErrorNotice } from "../parts/notices.tsx";
import { nodeTypes } from "./completion.ts";

export function Palette({ onChoose }: { onChoose(type: string): void }) {
  const [types, setTypes] = useState<NodeTypeBody[]>([]);
  const [error, setError] = useState<unknown>();
  const [text, setText] = useState("");
  useEffect(() => {
    nodeTypes().then(setTypes, setError);
  }, []);
  const wanted = text.trim().toLowerCase();
  const found = types.filter((each) =>
    [each.type, each.summary, ...each.also].some((word) => word.toLowerCase().includes(wanted)),
  );
  const groups = [...new Set(found.map((each) => each.group))];
  const names: Record<string, string> = canvasWords.groups;
  return (
    <section className="palette" aria-label={builderWords.palette}>
      <h2>{builderWords.palette}</h2>
      <TextField
        label={builderWords.paletteSearch}
        isBare
        type="search"
        placeholder={builderWords.paletteSearch}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {error !== undefined && <ErrorNotice error={error} />}
      {groups.map((group) => (
        <div key={group}>
          <h3>{names[group] ?? group}</h3>
          <ul>
            {found
              .filter((each) => each.group === group)
              .map((each) => (
                <li key={each.type}>
                  <button
                    type="button"
                    className={`palette-item group-${group}`}
                    title={each.summary}
                    draggable
                    onDragStart={(event) => {
                      event.dataTransfer.setData(NODE_TYPE, each.type);
                      event.dataTransfer.effectAllowed = "copy";
                    }}
                    onClick={() => onChoose(each.type)}
                  >
                    <span aria-hidden="true" className="box-icon">
                      {iconOf(group)}
                    </span>{" "}
                    {each.type}
                  </button>
                </li>
              ))}
          </ul>
        </div>
      ))}
      {types.length > 0 && found.length === 0 && <p className="hint">{builderWords.noType}</p>}
      <p className="hint">{builderWords.paletteHint}</p>
    </section>
  );
}
