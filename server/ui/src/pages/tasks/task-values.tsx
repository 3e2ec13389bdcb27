/** Values that the list of tasks and a task both show. */
import { taskWords } from "#words/tasks.ts";
import type { InterruptBody } from "../../api/types.ts";
import { headOf } from "../../forms/question-head.ts";
import { Ago } from "../../parts/values.tsx";

/** Until when an answer is waited for; sign and word say that it is over. */
export function Due({ task }: { task: InterruptBody }) {
  if (!task.due_at) return <span className="faint">{taskWords.noDue}</span>;
  const isOver = task.status === "waiting" && Date.parse(task.due_at) < Date.now();
  return (
    <span>
      <Ago at={task.due_at} />
      {isOver && <span className="error-text"> ⚠ {taskWords.overdue}</span>}
    </span>
  );
}

/** The person or the group that is asked. */
export function ForWhom({ task }: { task: InterruptBody }) {
  const { assignee, role } = headOf(task);
  if (!assignee && !role) return <span className="faint">{taskWords.anyone}</span>;
  return [assignee, role && taskWords.role(role)].filter(Boolean).join(", ");
}
