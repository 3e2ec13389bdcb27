/** Lists that are loaded page by page. */
import { useEffect, useRef, useState } from "react";
import { get, type Query } from "../api/client.ts";
import { type Loaded, useLoad } from "./load.ts";

interface PageOf<T> {
  items: T[];
  total: number | null;
  next_cursor?: string | null;
}

export interface Paged<T> extends Loaded<T[]> {
  total: number | null;
  /** Load the next page; null if there is none. */
  more: (() => Promise<void>) | null;
}

/** Return the items of a list so far; another query begins with its first page. */
export function usePaged<T>(path: string, query: Query): Paged<T> {
  const key = `${path}?${JSON.stringify(query)}`;
  const first = useLoad(key, (signal) => get<PageOf<T>>(path, query, signal));
  const [added, setAdded] = useState<{
    of: PageOf<T> | undefined;
    items: T[];
    cursor: string | null;
  }>({ of: undefined, items: [], cursor: null });
  const latest = useRef(first.data);
  latest.current = first.data;
  useEffect(() => {
    setAdded({ of: first.data, items: [], cursor: first.data?.next_cursor ?? null });
  }, [first.data]);
  const isOwn = added.of === first.data;
  const cursor = isOwn ? added.cursor : null;
  const more = async () => {
    const page = await get<PageOf<T>>(path, { ...query, cursor });
    // A page of a list that was loaded again meanwhile is not added to the new one.
    if (latest.current !== first.data) return;
    setAdded((old) => ({
      of: first.data,
      items: [...old.items, ...page.items],
      cursor: page.next_cursor ?? null,
    }));
  };
  return {
    ...first,
    data: first.data && [...first.data.items, ...(isOwn ? added.items : [])],
    total: first.data?.total ?? null,
    more: cursor ? more : null,
  };
}
