/** The header: where one is, where one can go, and who one is. */
import { useState } from "react";
import type { words as Words } from "#words/words.ts";
import { words } from "#words/words.ts";
import { may, session } from "../api/session.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { SelectField } from "../parts/fields.tsx";
import { NAVIGATION } from "./pages.ts";
import { HOME, Link } from "./router.tsx";
import { chooseTheme, chosenTheme, type Theme } from "./theme.ts";

interface HeaderProperties {
  current: keyof (typeof Words)["nav"] | undefined;
  onHelp(): void;
}

export function Header({ current, onHelp }: HeaderProperties) {
  const [isOpen, setOpen] = useState(false);
  return (
    <header className="top">
      <Link to={HOME} className="product">
        <img src="/ui/assets/icon.svg" alt="" width="24" height="24" />
        {words.product}
      </Link>
      <Button
        kind="quiet"
        className="menu-button"
        aria-expanded={isOpen}
        aria-controls="pages"
        onClick={() => setOpen(!isOpen)}
      >
        ☰ <span>{current ? words.nav[current] : words.shell.menu}</span>
      </Button>
      <nav id="pages" aria-label={words.shell.pages} className={isOpen ? "open" : undefined}>
        {NAVIGATION.filter((each) => may(each.scope)).map((each) => (
          <Link
            key={each.name}
            to={each.to}
            aria-current={each.name === current ? "page" : undefined}
            onClick={() => setOpen(false)}
          >
            {words.nav[each.name]}
            {each.beside && <each.beside />}
          </Link>
        ))}
      </nav>
      <div className="who">
        <ThemeChoice />
        <Who />
        <IconButton label={words.shell.help} onClick={onHelp}>
          ?
        </IconButton>
      </div>
    </header>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <SelectField
      label={words.shell.theme}
      isBare
      value={theme}
      onChange={(event) => {
        const chosen = event.target.value as Theme;
        chooseTheme(chosen);
        setTheme(chosen);
      }}
    >
      {(["system", "light", "dark"] as const).map((each) => (
        <option key={each} value={each}>
          {words.shell.themes[each]}
        </option>
      ))}
    </SelectField>
  );
}

function Who() {
  const who = session.get().who;
  if (!who) return null;
  const role = who.role ?? who.scopes.join(", ");
  const leave = async () => (await import("./sign-out.ts")).signOut();
  return (
    <>
      <span className="caller" title={words.shell.signedInAs(who.caller, role)}>
        {who.caller} <span className="faint">{who.role}</span>
      </span>
      {who.csrf_token && (
        <Button kind="quiet" onClick={() => void leave()}>
          {words.shell.signOut}
        </Button>
      )}
    </>
  );
}
