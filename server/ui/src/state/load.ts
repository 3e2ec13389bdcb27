/** Loads what a page shows. */
import { useCallback, useEffect, useRef, useState } from "react";

export interface Loaded<T> {
  /** The last value, also while a newer one is loaded. */
  data: T | undefined;
  error: unknown;
  isLoading: boolean;
  reload(): void;
}

/**
 * Return what `load` answers; it is called again whenever the key changes, or by `reload`.
 *
 * A value of another key is not shown while that of the new key is loaded.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown; done: boolean }>({
    key,
    done: false,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round is asked for by reload
  useEffect(() => {
    const stop = new AbortController();
    setState((old) => (old.key === key ? { ...old, done: false } : { key, done: false }));
    latest
      .current(stop.signal)
      .then((data) => stop.signal.aborted || setState({ key, data, done: true }))
      .catch((error: unknown) => {
        if (!stop.signal.aborted) setState((old) => ({ ...old, key, error, done: true }));
      });
    return () => stop.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((number) => number + 1), []);
  const own = state.key === key;
  return {
    data: own ? state.data : undefined,
    error: own && state.done ? state.error : undefined,
    isLoading: !own || !state.done,
    reload,
  };
}

/** Return what was loaded, and the last value before it while that of a new key is loaded. */
export function useLast<T>(loaded: Loaded<T>): Loaded<T> {
  const last = useRef(loaded.data);
  if (loaded.data !== undefined) last.current = loaded.data;
  return { ...loaded, data: last.current };
}

/** Return a value as it was when it had last not changed for some milliseconds. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Call a function again and again while the page can be seen, and at once when it is seen again. */
export function useInterval(call: () => void, milliseconds: number, isOn = true): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (!isOn) return;
    const tick = () => document.visibilityState === "visible" && latest.current();
    const timer = setInterval(tick, milliseconds);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [milliseconds, isOn]);
}
