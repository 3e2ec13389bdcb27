/** Which page is shown is in the address, and so are its filters. */
import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { createStore, useStore } from "../state/store.ts";

export const HOME = "/ui/workflows";

const place = createStore({ path: location.pathname, search: location.search });

addEventListener("popstate", () => {
  place.set({ path: location.pathname, search: location.search });
});

/** Show another page; `replace` leaves no step back to the one before. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const url = new URL(to, location.href);
  const isOther = url.pathname !== location.pathname;
  history[options.replace ? "replaceState" : "pushState"](null, "", url.pathname + url.search);
  place.set({ path: url.pathname, search: url.search });
  if (isOther) scrollTo(0, 0);
}

export const usePath = (): string => useStore(place, (value) => value.path);

/** Return the filters in the address, and what changes some of them (null takes one out). */
export function useQuery(): [
  URLSearchParams,
  (change: Record<string, string | null>, options?: { replace?: boolean }) => void,
] {
  const search = useStore(place, (value) => value.search);
  const change = (
    wanted: Record<string, string | null>,
    options: { replace?: boolean } = { replace: true },
  ) => {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(wanted)) {
      if (value === null || value === "") query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    navigate(location.pathname + (text ? `?${text}` : ""), options);
  };
  return [new URLSearchParams(search), change];
}

/** Return the values of the parts in a pattern such as `/ui/runs/:id`, or null for another path. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const parts = path.replace(/\/+$/, "").split("/");
  if (wanted.length !== parts.length) return null;
  const found: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const given = parts[index] ?? "";
    if (name.startsWith(":")) {
      try {
        found[name.slice(1)] = decodeURIComponent(given);
      } catch {
        return null;
      }
    } else if (name !== given) return null;
  }
  return found;
}

type LinkProperties = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

/** A link to another page of this application. */
export function Link({ to, onClick, ...rest }: LinkProperties) {
  const open = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey);
    if (event.defaultPrevented || !isPlain) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={open} {...rest} />;
}
