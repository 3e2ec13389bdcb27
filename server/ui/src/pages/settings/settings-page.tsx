/** What the server has for workflows and people, in tabs. */
import { settingWords } from "#words/settings.ts";
import { may } from "../../api/session.ts";
import { type Tab, Tabs } from "../../parts/tabs.tsx";
import { useQuery } from "../../shell/router.tsx";
import { useTitle } from "../../shell/title.ts";
import { Audit } from "./audit.tsx";
import { HealthPanel } from "./health.tsx";
import { Keys } from "./keys.tsx";
import { Me } from "./me.tsx";
import { Models } from "./models.tsx";
import { Secrets } from "./secrets.tsx";
import { Users } from "./users.tsx";
import "./settings.css";

const texts = settingWords.tabs;

export default function SettingsPage() {
  useTitle(settingWords.title);
  const [query, change] = useQuery();
  const tabs: Tab[] = [];
  if (may("secrets:manage")) {
    tabs.push({ id: "secrets", label: texts.secrets, content: () => <Secrets /> });
  }
  tabs.push({ id: "models", label: texts.models, content: () => <Models /> });
  if (may("keys:manage")) {
    tabs.push({ id: "keys", label: texts.keys, content: () => <Keys /> });
    tabs.push({ id: "users", label: texts.users, content: () => <Users /> });
  }
  if (may("audit:read")) tabs.push({ id: "audit", label: texts.audit, content: () => <Audit /> });
  tabs.push({ id: "health", label: texts.health, content: () => <HealthPanel /> });
  tabs.push({ id: "me", label: texts.me, content: () => <Me /> });
  return (
    <div className="page">
      <h1>{settingWords.title}</h1>
      <Tabs
        label={settingWords.parts}
        tabs={tabs}
        chosen={query.get("tab") ?? ""}
        onChoose={(tab) => change({ tab })}
      />
    </div>
  );
}
