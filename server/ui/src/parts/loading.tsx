/** What is shown while something comes. */
import { words } from "#words/words.ts";

export function Loading() {
  return <p className="loading">{words.common.loading}…</p>;
}
