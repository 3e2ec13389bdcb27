/** Schedules, webhooks and subscriptions, in tabs. */
import { triggerWords } from "#words/triggers.ts";
import { Tabs } from "../../parts/tabs.tsx";
import { useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { Schedules } from "./schedules.tsx";
import { Subscriptions } from "./subscriptions.tsx";
import { Webhooks } from "./webhooks.tsx";

export default function TriggersPage() {
  useTitle(triggerWords.title);
  const [query, change] = useQuery();
  const texts = triggerWords.tabs;
  return (
    <div className="page">
      <h1>{triggerWords.title}</h1>
      <Tabs
        label={triggerWords.kinds}
        chosen={query.get("tab") ?? "schedules"}
        onChoose={(tab) => change({ tab: tab === "schedules" ? null : tab })}
        tabs={[
          { id: "schedules", label: texts.schedules, content: () => <Schedules /> },
          { id: "webhooks", label: texts.webhooks, content: () => <Webhooks /> },
          { id: "subscriptions", label: texts.subscriptions, content: () => <Subscriptions /> },
        ]}
      />
    </div>
  );
}
