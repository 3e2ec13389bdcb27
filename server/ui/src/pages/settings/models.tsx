/** The models that workflows can name: what they cost, and whether they can be called. */
import { settingWords } from "#words/settings.ts";
import { get } from "../../api/client.ts";
import type { ModelAliasBody } from "../../api/types.ts";
import { WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { useLoad } from "../../state/load.ts";
import { formatCost, formatNumber } from "../../words/format.ts";

const texts = settingWords.models;

export function Models() {
  const listed = useLoad("models", (signal) => get<ModelAliasBody[]>("/models", {}, signal));
  return (
    <>
      <p className="hint">{texts.hint}</p>
      <WhenLoaded loaded={listed}>
        {(items) => (
          <Table
            caption={settingWords.tabs.models}
            items={items}
            keyOf={(each) => each.name}
            columns={[
              {
                name: settingWords.name,
                cell: (each) => (
                  <span>
                    <code>{each.name}</code>{" "}
                    {each.is_default && <span className="tag">{texts.default}</span>}
                  </span>
                ),
              },
              { name: texts.model, cell: (each) => each.model },
              { name: texts.provider, cell: (each) => each.provider ?? texts.unknown },
              { name: texts.state, cell: (each) => <ModelState model={each} /> },
              {
                name: texts.window,
                isNumber: true,
                cell: (each) =>
                  each.context_window === null ? texts.unknown : formatNumber(each.context_window),
              },
              { name: texts.input, isNumber: true, cell: (each) => price(each.input_price) },
              { name: texts.output, isNumber: true, cell: (each) => price(each.output_price) },
            ]}
          />
        )}
      </WhenLoaded>
    </>
  );
}

function ModelState({ model }: { model: ModelAliasBody }) {
  return (
    <div>
      <span className={`status ${model.is_ready ? "completed" : "failed"}`}>
        <span aria-hidden="true">{model.is_ready ? "✓" : "✕"}</span>{" "}
        {model.is_ready ? texts.ready : texts.notReady}
      </span>
      {model.problem && <div className="error-text">{model.problem}</div>}
    </div>
  );
}

const price = (value: number | null): string =>
  value === null ? texts.unknown : formatCost(value);
