/** The number of open tasks, beside their page in the navigation. */
import { useEffect } from "react";
import { taskWords } from "#words/tasks.ts";
import { useInterval } from "../state/load.ts";
import { countOpenTasks, openTasks } from "../state/open-tasks.ts";
import { useStore } from "../state/store.ts";

const EVERY = 15_000;

export default function TaskCount() {
  const count = useStore(openTasks, (value) => value.count);
  useEffect(() => void countOpenTasks(), []);
  useInterval(() => void countOpenTasks(), EVERY);
  if (count === 0) return null;
  return (
    <>
      <span className="count" aria-hidden="true">
        {count > 99 ? "99+" : count}
      </span>
      <span className="hidden"> ({taskWords.open(count)})</span>
    </>
  );
}
