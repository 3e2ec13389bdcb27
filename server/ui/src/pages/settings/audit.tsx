/** Who changed what, the last first. */
import { useState } from "react";
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { get } from "../../api/client.ts";
import type { AuditPage } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { Empty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { useLoad } from "../../state/load.ts";

const texts = settingWords.audit;
const STEP = 50;
const MOST = 200;

export function Audit() {
  const [limit, setLimit] = useState(STEP);
  const listed = useLoad(`audit ${limit}`, (signal) => get<AuditPage>("/audit", { limit }, signal));
  return (
    <>
      <WhenLoaded loaded={listed}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={texts.empty} />
          ) : (
            <Table
              caption={settingWords.tabs.audit}
              items={items}
              keyOf={(each) => String(each.id)}
              columns={[
                { name: texts.at, cell: (each) => <Ago at={each.at} /> },
                { name: texts.caller, cell: (each) => each.caller },
                { name: texts.act, cell: (each) => <code>{each.act}</code> },
                { name: texts.details, cell: (each) => inWords(each.details) },
                { name: texts.status, isNumber: true, cell: (each) => each.status },
                { name: texts.address, cell: (each) => each.address ?? "–" },
              ]}
            />
          )
        }
      </WhenLoaded>
      {listed.data?.next != null &&
        (limit < MOST ? (
          <Button onClick={() => setLimit(limit + STEP)}>{words.common.more}</Button>
        ) : (
          <p className="hint">{texts.most(MOST)}</p>
        ))}
    </>
  );
}

function inWords(details: Record<string, unknown>): string {
  const parts = Object.entries(details).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.join(", ") || "–";
}
