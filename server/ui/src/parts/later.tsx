/** Components whose code is loaded when they are first shown. */
import { type ComponentType, useEffect, useState } from "react";

/**
 * Return a component that is loaded when it is first shown; until then, `Meanwhile` is shown.
 *
 * React's own `lazy` shows what came up to 300 ms after it came.
 */
export function later<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
  Meanwhile?: ComponentType,
): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  let failure: unknown;
  let loading: Promise<void> | undefined;
  const begin = () =>
    load().then(
      (found) => {
        loaded = found.default;
      },
      (error: unknown) => {
        failure = error ?? new Error("A part of the page could not be loaded.");
      },
    );
  return function Later(properties: P) {
    const [, setDone] = useState(false);
    loading ??= begin();
    useEffect(() => {
      let isShown = true;
      void loading?.then(() => isShown && setDone(true));
      return () => {
        isShown = false;
      };
    }, []);
    if (failure !== undefined) {
      const error = failure;
      // Whoever tries again loads it again.
      failure = loading = undefined;
      throw error;
    }
    const Loaded = loaded;
    if (Loaded) return <Loaded {...properties} />;
    return Meanwhile ? <Meanwhile /> : null;
  };
}
