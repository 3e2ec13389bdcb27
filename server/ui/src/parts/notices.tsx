/** What a page says instead of, or above, its content. */

import type { ReactNode } from "react";
import { words } from "#words/words.ts";
import { ApiError } from "../api/client.ts";
import type { Loaded } from "../state/load.ts";
import { Button } from "./buttons.tsx";
import { Loading } from "./loading.tsx";

/** Nothing is there yet, and what to do next. */
export function Empty(properties: { title: string; level?: 1 | 2; children?: ReactNode }) {
  const Heading = properties.level === 1 ? "h1" : "h2";
  return (
    <div className="empty">
      <Heading>{properties.title}</Heading>
      {properties.children}
    </div>
  );
}

/** What went wrong, and what can be done. */
export function ErrorNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const id = error instanceof ApiError ? error.requestId : null;
  return (
    <div className="notice error" role="alert">
      <p>
        <strong>{words.common.failed}.</strong> {messageOf(error)}
      </p>
      {id && <p className="hint">{words.common.requestId(id)}</p>}
      {retry && <Button onClick={retry}>{words.common.retry}</Button>}
    </div>
  );
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Show what was loaded; until then that it is loaded, and the error if it cannot be. */
export function WhenLoaded<T>(properties: { loaded: Loaded<T>; children(data: T): ReactNode }) {
  const { loaded, children } = properties;
  return (
    <>
      {loaded.error !== undefined && <ErrorNotice error={loaded.error} retry={loaded.reload} />}
      {loaded.data !== undefined ? children(loaded.data) : loaded.isLoading && <Loading />}
    </>
  );
}

/** Show a list; what to do next if it is empty. */
export function OrEmpty<T>(properties: {
  items: readonly T[];
  title: string;
  hint: string;
  children: ReactNode;
}) {
  if (properties.items.length > 0) return properties.children;
  return (
    <Empty title={properties.title}>
      <p>{properties.hint}</p>
    </Empty>
  );
}
