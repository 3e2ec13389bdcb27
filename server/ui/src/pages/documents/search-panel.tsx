/** Searches a collection, as workflows do. */
import { type FormEvent, useState } from "react";
import { documentWords } from "#words/documents.ts";
import { part, post } from "../../api/client.ts";
import type { SearchRequest, SearchResult } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { SelectField, TextField } from "../../parts/fields.tsx";
import { WhenLoaded } from "../../parts/notices.tsx";
import { useQuery } from "../../shell/router.tsx";
import { useLoad } from "../../state/load.ts";
import { PassageOf } from "./passage-of.tsx";

type Mode = keyof typeof documentWords.modes;

export function SearchPanel({ collection }: { collection: string }) {
  const [query, change] = useQuery();
  const q = query.get("q") ?? "";
  const given = query.get("mode") ?? "";
  const mode: Mode = given in documentWords.modes ? (given as Mode) : "hybrid";
  const [text, setText] = useState(q);
  const search = (event: FormEvent) => {
    event.preventDefault();
    change({ q: text });
  };
  return (
    <>
      <search>
        <form className="filters wide" onSubmit={search}>
          <TextField
            label={documentWords.query}
            type="search"
            required
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <SelectField
            label={documentWords.mode}
            value={mode}
            onChange={(event) => change({ mode: event.target.value })}
          >
            {Object.entries(documentWords.modes).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </SelectField>
          <Button type="submit" kind="primary">
            {documentWords.search}
          </Button>
        </form>
      </search>
      {q ? (
        <Results collection={collection} q={q} mode={mode} />
      ) : (
        <p className="hint">{documentWords.searchHint}</p>
      )}
    </>
  );
}

function Results({ collection, q, mode }: { collection: string; q: string; mode: Mode }) {
  const path = `/knowledge/collections/${part(collection)}/search`;
  const body: SearchRequest = { query: q, mode, limit: 10 };
  const loaded = useLoad(`${path} ${mode} ${q}`, (signal) =>
    post<SearchResult>(path, body, { signal }),
  );
  return (
    <section className="stack" aria-label={documentWords.results}>
      <h2>{documentWords.results}</h2>
      <WhenLoaded loaded={loaded}>
        {({ passages }) =>
          passages.length === 0 ? (
            <p>{documentWords.nothing}</p>
          ) : (
            <ol className="passages">
              {passages.map((each) => (
                <li key={each.number}>
                  <PassageOf
                    passage={each}
                    title={each.source}
                    more={documentWords.score(each.score.toFixed(3))}
                  />
                </li>
              ))}
            </ol>
          )
        }
      </WhenLoaded>
    </section>
  );
}
