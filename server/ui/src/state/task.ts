/** Something that a button does, and what went wrong with it. */
import { useCallback, useState } from "react";

export interface Task {
  isBusy: boolean;
  error: unknown;
  run(act: () => Promise<unknown>): Promise<void>;
  clear(): void;
}

/** Return what runs an act, and keeps its error until the next one. */
export function useTask(): Task {
  const [state, setState] = useState<{ isBusy: boolean; error: unknown }>({
    isBusy: false,
    error: undefined,
  });
  const run = useCallback(async (act: () => Promise<unknown>) => {
    setState({ isBusy: true, error: undefined });
    try {
      await act();
      setState({ isBusy: false, error: undefined });
    } catch (error) {
      setState({ isBusy: false, error });
    }
  }, []);
  const clear = useCallback(() => setState({ isBusy: false, error: undefined }), []);
  return { ...state, run, clear };
}
