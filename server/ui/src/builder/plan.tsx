/** What a run of the text would call, and what it may cost. */
import { builderWords } from "#words/builder.ts";
import { useStore } from "../state/store.ts";
import { formatCost, formatNumber } from "../words/format.ts";
import type { Builder } from "./model.ts";

export function Plan({ builder }: { builder: Builder }) {
  const plan = useStore(builder.store, (state) => state.check?.plan ?? null);
  if (!plan) return <p className="hint">{builderWords.planNothing}</p>;
  const lists: [string, string[]][] = [
    [builderWords.models, plan.models],
    [builderWords.hosts, plan.hosts],
    [builderWords.secrets, plan.secrets],
    [builderWords.files, plan.files],
  ];
  return (
    <dl className="named-values">
      {lists
        .filter(([, items]) => items.length > 0)
        .map(([name, items]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{items.join(", ")}</dd>
          </div>
        ))}
      {Object.entries(plan.model_calls).map(([model, range]) => (
        <div key={model}>
          <dt>
            {builderWords.calls} {model}
          </dt>
          <dd>
            {rangeText(range, formatNumber)}
            {plan.cost_usd[model] && ` · ${rangeText(plan.cost_usd[model], formatCost)}`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function rangeText(range: (number | null)[], format: (value: number) => string): string {
  const [least, most] = range.map((each) =>
    each === null ? builderWords.noLimit : format(each ?? 0),
  );
  return least === most ? (least ?? "") : `${least} – ${most}`;
}
