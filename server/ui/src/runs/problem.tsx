/** Why a run or a node failed, with its place in the definition. */
import { runViewWords } from "#words/run-view.ts";
import type { Failure } from "../api/types.ts";
import { Link } from "../shell/router.tsx";

const said = runViewWords.details;

export function Problem(properties: { title: string; error: Failure; isHandled?: boolean }) {
  const { error } = properties;
  const lines: [string, string | undefined][] = [
    [said.code, error.code],
    [runViewWords.node, error.node_id],
    [said.reference, error.reference],
    [said.value, error.value],
    [said.hint, error.hint],
  ];
  return (
    <section
      className={`notice ${properties.isHandled ? "warning" : "error"}`}
      aria-label={properties.title}
    >
      <p>
        <strong>{properties.title}.</strong> {error.message}
      </p>
      {properties.isHandled && <p>{said.handled}</p>}
      <dl className="facts">
        {lines.map(
          ([name, text]) =>
            text && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code>{text}</code>
                </dd>
              </div>
            ),
        )}
        {error.at && (
          <div>
            <dt>{said.place}</dt>
            <dd>
              <PlaceLink place={error.at} />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function PlaceLink({ place }: { place: NonNullable<Failure["at"]> }) {
  const { line, column } = place;
  const isKnown = typeof line === "number" && typeof column === "number";
  const query = new URLSearchParams(location.search);
  query.set("view", "definition");
  query.set("place", place.pointer);
  return (
    <Link to={`${location.pathname}?${query}`}>
      {isKnown ? said.placeAt(line, column) : <code>{place.pointer}</code>}
    </Link>
  );
}
