/** One task: what is asked, what to decide on, and the answer, or what was decided. */
import { type ReactNode, useEffect, useState } from "react";
import { taskWords } from "#words/tasks.ts";
import { ApiError, get, part, post } from "../../api/client.ts";
import { followAll } from "../../api/events.ts";
import { may, session } from "../../api/session.ts";
import type { InterruptBody } from "../../api/types.ts";
import { AnswerForm } from "../../forms/answer-form.tsx";
import { questionOf } from "../../forms/question.ts";
import { decisionOf } from "../../forms/question-head.ts";
import { NamedValues } from "../../parts/named-values.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Ago } from "../../parts/values.tsx";
import { Link } from "../../shell/router.tsx";
import { say } from "../../shell/status.ts";
import { useTitle } from "../../shell/title.ts";
import { useLoad } from "../../state/load.ts";
import { countOpenTasks } from "../../state/open-tasks.ts";
import { Due, ForWhom } from "./task-values.tsx";
import "./tasks.css";

export default function TaskPage({ id = "" }: Record<string, string>) {
  const loaded = useLoad(`task ${id}`, (signal) =>
    get<InterruptBody>(`/interrupts/${part(id)}`, {}, signal),
  );
  useChanges(loaded.data?.run_id, loaded.reload);
  return (
    <div className="page narrow">
      <p>
        <Link to="/ui/tasks">← {taskWords.back}</Link>
      </p>
      <WhenLoaded loaded={loaded}>
        {(task) =>
          task.kind === "human" ? (
            <Task key={task.id} task={task} reload={loaded.reload} />
          ) : (
            <Empty title={taskWords.notAsked} level={1} />
          )
        }
      </WhenLoaded>
    </div>
  );
}

function Task({ task, reload }: { task: InterruptBody; reload(): void }) {
  const question = questionOf(task);
  useTitle(question.title);
  // Whether the person saw the question open, and somebody else closed it.
  const [wasOpen] = useState(task.status === "waiting");
  const [isMine, setMine] = useState(false);
  const answer = async (given: Record<string, unknown>) => {
    try {
      await post(`/interrupts/${part(task.id)}/answer`, { answer: given });
      setMine(true);
      say(taskWords.decided(`${question.title} ${decisionOf(given)}`));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
    reload();
    void countOpenTasks();
  };
  return (
    <>
      <h1 className="text">{question.title}</h1>
      <dl className="facts">
        <Fact name={taskWords.workflow}>
          {task.workflow_id ? (
            <Link to={`/ui/workflows/${part(task.workflow_id)}`}>
              {task.workflow_name || task.workflow_id}
            </Link>
          ) : (
            "–"
          )}
        </Fact>
        <Fact name={taskWords.run}>
          <Link to={`/ui/runs/${part(task.run_id)}`}>
            <code>{task.run_id.slice(0, 8)}</code>
          </Link>
        </Fact>
        <Fact name={taskWords.asked}>
          <Ago at={task.created_at} />
        </Fact>
        <Fact name={taskWords.due}>
          <Due task={task} />
        </Fact>
        <Fact name={taskWords.for}>
          <ForWhom task={task} />
        </Fact>
      </dl>
      {question.instructions && <p className="text">{question.instructions}</p>}
      {question.data !== null && question.data !== undefined && (
        <section className="panel stack">
          <h2>{taskWords.data}</h2>
          <NamedValues value={question.data} label={taskWords.data} />
        </section>
      )}
      {task.status !== "waiting" ? (
        <Outcome task={task} isMeanwhile={wasOpen && !isMine} />
      ) : may("runs:control") ? (
        <section className="panel stack" aria-label={taskWords.answer}>
          <h2>{taskWords.answer}</h2>
          <AnswerForm question={question} onAnswer={answer} />
        </section>
      ) : (
        <p className="notice">{taskWords.noRight}</p>
      )}
    </>
  );
}

function Outcome({ task, isMeanwhile }: { task: InterruptBody; isMeanwhile: boolean }) {
  const by = task.answered_by ?? taskWords.somebody;
  const isOther = isMeanwhile && task.answered_by !== session.get().who?.caller;
  if (task.status === "answered") {
    return (
      <section
        className={`notice ${isOther ? "warning" : ""}`}
        role={isMeanwhile ? "alert" : undefined}
      >
        <h2>{isOther ? taskWords.meanwhile(by) : taskWords.decidedBy(by)}</h2>
        {isOther && <p>{taskWords.meanwhileHint}</p>}
        <NamedValues value={task.answer} />
        <p className="hint">
          <Ago at={task.answered_at} />
        </p>
        <Next />
      </section>
    );
  }
  const isLate = task.status === "late";
  return (
    <section className="notice warning" role={isMeanwhile ? "alert" : undefined}>
      <h2>{isLate ? taskWords.lateTitle : taskWords.closedTitle}</h2>
      <p>{isLate ? taskWords.lateHint : taskWords.closedHint}</p>
      <Next />
    </section>
  );
}

/** The task that waits longest, if there is one. */
function Next() {
  const next = useLoad("next task", (signal) =>
    get<InterruptBody[]>("/interrupts", { kind: "human", limit: 1 }, signal),
  );
  const found = next.data?.[0];
  return found ? (
    <Link className="button" to={`/ui/tasks/${part(found.id)}`}>
      {taskWords.next}
    </Link>
  ) : null;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Load the task again when its run says that something was answered, or that it ended. */
function useChanges(runId: string | undefined, reload: () => void) {
  useEffect(() => {
    if (!runId) return;
    const kinds = ["interrupt.answered", "run.cancelled", "run.failed", "run.completed"];
    const stream = followAll({ kinds }, { event: (event) => event.run_id === runId && reload() });
    return () => stream.close();
  }, [runId, reload]);
}
