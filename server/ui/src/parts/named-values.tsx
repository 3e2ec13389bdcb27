/** A value for people: an object as names and values, all else as text or JSON. */
import { isObject } from "../api/client.ts";
import { titleOf } from "../forms/schema.ts";
import { Value } from "./values.tsx";

// Longer texts are read in a box that scrolls.
const LONG = 300;

export function NamedValues({ value, label }: { value: unknown; label?: string }) {
  if (isObject(value) && Object.keys(value).length > 0) {
    return (
      <dl className="named-values">
        {Object.entries(value).map(([name, each]) => (
          <div key={name}>
            <dt>{titleOf({}, name)}</dt>
            <dd>
              <Inside value={each} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  return isPlain(value) ? (
    <p className="text">{String(value)}</p>
  ) : (
    <Value value={value} {...(label && { label })} />
  );
}

function Inside({ value }: { value: unknown }) {
  if (isPlain(value)) return <span className="text">{value === null ? "–" : String(value)}</span>;
  if (Array.isArray(value) && value.length > 0 && value.every(isPlain)) {
    return (
      <ul>
        {value.map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a list that does not change
          <li key={index}>{String(each)}</li>
        ))}
      </ul>
    );
  }
  return <Value value={value} />;
}

const isPlain = (value: unknown): boolean =>
  value === null || ["number", "boolean"].includes(typeof value) || isShort(value);

const isShort = (value: unknown): boolean => typeof value === "string" && value.length <= LONG;
