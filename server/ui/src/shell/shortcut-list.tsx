/** The list of keys, under `?`. */

import { words } from "#words/words.ts";
import { Dialog } from "../parts/dialog.tsx";
import { shortcuts } from "./shortcuts.ts";

export default function ShortcutList({ onClose }: { onClose(): void }) {
  return (
    <Dialog title={words.shell.help} onClose={onClose} isWide>
      <div className="columns">
        {shortcuts.get().groups.map((group) => (
          <section key={group.name}>
            <h3>{group.name}</h3>
            <dl className="keys">
              {group.list.map((each) => (
                <div key={each.keys}>
                  <dt>
                    <kbd>{each.keys}</kbd>
                  </dt>
                  <dd>{each.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
