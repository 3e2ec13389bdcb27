/** The inbox of what waits for people, and the list of what was decided. */
import { useEffect, useState } from "react";
import { taskWords } from "#words/tasks.ts";
import { words } from "#words/words.ts";
import { get, part } from "../../api/client.ts";
import { followAll } from "../../api/events.ts";
import type { InterruptBody } from "../../api/types.ts";
import { decisionOf, headOf } from "../../forms/question-head.ts";
import { Button, Choices } from "../../parts/buttons.tsx";
import { SelectField } from "../../parts/fields.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { Link, useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { countOpenTasks } from "../../state/open-tasks.ts";
import { Due, ForWhom } from "./task-values.tsx";
import "./tasks.css";

type Whose = keyof typeof taskWords.of;

const STEP = 50;
const MOST = 200;

export default function TasksPage() {
  useTitle(taskWords.title);
  const [query, change] = useQuery();
  const whose = oneOf(taskWords.of, query.get("of"), "all");
  const state = oneOf(taskWords.states, query.get("state"), "waiting");
  const [limit, setLimit] = useState(STEP);
  const asked = {
    kind: "human",
    status: state,
    asks: whose === "all" ? null : whose,
    sort: state === "waiting" ? null : "-answered_at",
    limit,
  };
  const listed = useLoad(`tasks ${whose} ${state}`, (signal) =>
    get<InterruptBody[]>("/interrupts", asked, signal),
  );
  const { reload } = listed;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another limit is another request
  useEffect(reload, [limit]);
  useNews(reload);
  return (
    <div className="page">
      <div className="head">
        <h1>{taskWords.title}</h1>
      </div>
      <search>
        <form className="filters" onSubmit={(event) => event.preventDefault()}>
          <Choices
            label={taskWords.whose}
            value={whose}
            of={Object.entries(taskWords.of) as [Whose, string][]}
            onChange={(value) => change({ of: value === "all" ? null : value })}
          />
          <SelectField
            label={taskWords.state}
            isBare
            value={state}
            onChange={(event) => change({ state: event.target.value })}
          >
            {Object.entries(taskWords.states).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
        </form>
      </search>
      <WhenLoaded loaded={listed}>
        {(items) =>
          items.length > 0 ? (
            <Table
              caption={taskWords.title}
              items={items}
              keyOf={(each) => each.id}
              columns={state === "waiting" ? OPEN : CLOSED}
            />
          ) : state === "waiting" ? (
            <Empty title={taskWords.none[whose]}>
              <p>{taskWords.noneHint}</p>
            </Empty>
          ) : (
            <Empty title={taskWords.noDecided}>
              <p>{taskWords.noDecidedHint}</p>
            </Empty>
          )
        }
      </WhenLoaded>
      {(listed.data?.length ?? 0) >= limit &&
        (limit < MOST ? (
          <Button onClick={() => setLimit(limit + STEP)}>{words.common.more}</Button>
        ) : (
          <p className="hint">{taskWords.most(MOST)}</p>
        ))}
    </div>
  );
}

const TITLE: Column<InterruptBody> = {
  name: taskWords.task,
  cell: (each) => <Link to={`/ui/tasks/${part(each.id)}`}>{headOf(each).title}</Link>,
};
const WHERE: Column<InterruptBody>[] = [
  { name: taskWords.workflow, cell: (each) => each.workflow_name || each.workflow_id || "–" },
  {
    name: taskWords.run,
    cell: (each) => (
      <Link to={`/ui/runs/${part(each.run_id)}`}>
        <code>{each.run_id.slice(0, 8)}</code>
      </Link>
    ),
  },
];
const OPEN: Column<InterruptBody>[] = [
  TITLE,
  ...WHERE,
  { name: taskWords.asked, cell: (each) => <Ago at={each.created_at} /> },
  { name: taskWords.due, cell: (each) => <Due task={each} /> },
  { name: taskWords.for, cell: (each) => <ForWhom task={each} /> },
];
const CLOSED: Column<InterruptBody>[] = [
  TITLE,
  ...WHERE,
  { name: taskWords.decision, cell: (each) => decisionOf(each.answer) },
  { name: taskWords.by, cell: (each) => each.answered_by ?? "–" },
  { name: taskWords.when, cell: (each) => <Ago at={each.answered_at} /> },
];

function oneOf<T extends string>(of: Record<T, string>, given: string | null, usual: T): T {
  return given !== null && given in of ? (given as T) : usual;
}

/** Load the list again when something is asked or answered; many may come at once. */
function useNews(reload: () => void) {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const kinds = ["run.waiting", "interrupt.answered", "run.cancelled", "run.failed"];
    const event = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
        void countOpenTasks();
      }, 300);
    };
    const stream = followAll({ kinds }, { event });
    return () => {
      clearTimeout(timer);
      stream.close();
    };
  }, [reload]);
}
