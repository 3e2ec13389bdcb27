/** The templates that a workflow can begin with, to choose one. */
import { workflowWords } from "#words/workflows.ts";
import type { TemplateName } from "./templates.ts";

interface BeginningsProperties {
  chosen?: TemplateName;
  onChoose(name: TemplateName): void;
}

export default function Beginnings({ chosen, onChoose }: BeginningsProperties) {
  const texts = workflowWords.templates;
  const cards: [TemplateName, string, string][] = [
    ["empty", texts.empty, texts.emptyHint],
    ["support", texts.support, texts.supportHint],
    ["approval", texts.approval, texts.approvalHint],
  ];
  return (
    <ul className="cards">
      {cards.map(([name, title, hint]) => (
        <li key={name}>
          <button
            type="button"
            className="card"
            aria-pressed={chosen === undefined ? undefined : chosen === name}
            onClick={() => onChoose(name)}
          >
            <strong>{title}</strong>
            <span className="hint">{hint}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
