/** Who is signed in with a browser, and what each role may do. */
import { useState } from "react";
import { settingWords } from "#words/settings.ts";
import { words } from "#words/words.ts";
import { call, get } from "../../api/client.ts";
import { session } from "../../api/session.ts";
import type { EndedSessions, RoleBody, UserBody } from "../../api/types.ts";
import { Button } from "../../parts/buttons.tsx";
import { FormDialog } from "../../parts/dialog.tsx";
import { OrEmpty, WhenLoaded } from "../../parts/notices.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/values.tsx";
import { say } from "../../shell/status.ts";
import { useLoad } from "../../state/load.ts";

const texts = settingWords.users;

export function Users() {
  const users = useLoad("users", (signal) => get<UserBody[]>("/users", {}, signal));
  const roles = useLoad("roles", (signal) => get<RoleBody[]>("/roles", {}, signal));
  const [ending, setEnding] = useState<UserBody | null>(null);
  return (
    <div className="stack">
      <WhenLoaded loaded={users}>
        {(items) => (
          <OrEmpty items={items} title={texts.empty} hint={texts.emptyHint}>
            <UserTable items={items} onEnd={setEnding} />
          </OrEmpty>
        )}
      </WhenLoaded>
      <h2>{texts.roles}</h2>
      <WhenLoaded loaded={roles}>{(items) => <RoleTable items={items} />}</WhenLoaded>
      {ending && (
        <FormDialog
          title={texts.endTitle(ending.caller)}
          submit={texts.end}
          isDanger
          onClose={() => setEnding(null)}
          onSubmit={async () => {
            const query = { caller: ending.caller };
            const { ended } = await call<EndedSessions>("DELETE", "/users/sessions", { query });
            say(texts.ended(ended, ending.caller));
            setEnding(null);
            users.reload();
          }}
        >
          <p>{ending.key_id ? texts.endKeyHint : texts.endHint}</p>
        </FormDialog>
      )}
    </div>
  );
}

function UserTable({ items, onEnd }: { items: UserBody[]; onEnd(user: UserBody): void }) {
  const own = session.get().who?.caller;
  return (
    <Table
      caption={settingWords.tabs.users}
      items={items}
      keyOf={(each) => each.caller}
      columns={[
        {
          name: texts.who,
          cell: (each) => (
            <div>
              {each.caller} {each.caller === own && <span className="tag">{texts.own}</span>}
            </div>
          ),
        },
        { name: settingWords.keys.role, cell: (each) => each.workflow_id ?? each.role ?? "–" },
        { name: settingWords.keys.groups, cell: (each) => each.groups.join(", ") || "–" },
        { name: texts.sessions, cell: (each) => each.sessions },
        { name: texts.until, cell: (each) => <Ago at={each.expires_at} /> },
        {
          name: words.common.actions,
          isBare: true,
          cell: (each) => (
            <Button aria-label={`${texts.end}: ${each.caller}`} onClick={() => onEnd(each)}>
              {texts.end}
            </Button>
          ),
        },
      ]}
    />
  );
}

function RoleTable({ items }: { items: RoleBody[] }) {
  return (
    <Table
      caption={texts.roles}
      items={items}
      keyOf={(each) => each.role}
      columns={[
        { name: settingWords.keys.role, cell: (each) => each.role },
        { name: texts.adds, cell: (each) => each.adds.join(", ") },
      ]}
    />
  );
}
