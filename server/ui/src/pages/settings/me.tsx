/** Who the person is to the server, and what they may do. */
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { session } from "../../api/session.ts";
import { useStore } from "../../state/store.ts";
import { formatMoment } from "../../words/format.ts";
import { Facts } from "./facts.tsx";

const texts = settingWords.me;

export function Me() {
  const who = useStore(session, (value) => value.who);
  if (!who) return null;
  return (
    <section className="panel" aria-label={settingWords.tabs.me}>
      <Facts
        of={[
          [texts.caller, who.caller],
          [texts.tenant, who.tenant],
          [texts.role, who.role ?? "–"],
          [texts.names, who.names.join(", ") || "–"],
          [texts.groups, who.groups.join(", ") || "–"],
          [texts.workflow, who.workflow_id ?? "–"],
          [texts.ends, who.expires_at ? formatMoment(who.expires_at) : words.common.never],
          [texts.scopes, who.scopes.join(", ")],
        ]}
      />
    </section>
  );
}
