/** How many questions are open; the navigation shows it. */
import { get } from "../api/client.ts";
import type { InterruptCount } from "../api/types.ts";
import { createStore } from "./store.ts";

export const openTasks = createStore<{ count: number }>({ count: 0 });

/** Ask the server for the number; if it does not answer, the last one stays. */
export async function countOpenTasks(): Promise<void> {
  try {
    const { count } = await get<InterruptCount>("/interrupts/count", { kind: "human" });
    openTasks.set({ count });
  } catch {
    // The number is a hint; what fails is said where the tasks are shown.
  }
}
