/** What the browser calls a page. */
import { useEffect } from "react";
import { words } from "#words/words.ts";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
  }, [title]);
}
