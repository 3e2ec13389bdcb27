/** The frame around all pages: header, navigation, the page, and the line at the bottom. */
import { Component, type ReactNode, useEffect, useState } from "react";
import { words } from "#words/words.ts";
import { get } from "../api/client.ts";
import { may, session, signedIn } from "../api/session.ts";
import type { SessionBody } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { later } from "../parts/later.tsx";
import { useStore } from "../state/store.ts";
import { Header } from "./header.tsx";
import { PAGES, type Page } from "./pages.ts";
import { HOME, match, navigate, usePath } from "./router.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { status } from "./status.ts";

const NotFound = later(() => import("./odd-pages.tsx"));
const Forbidden = later(async () => ({ default: (await import("./odd-pages.tsx")).Forbidden }));
const Broken = later(async () => ({ default: (await import("./odd-pages.tsx")).Broken }));
const ShortcutList = later(() => import("./shortcut-list.tsx"));
const SignIn = later(() => import("./sign-in.tsx"));

export function App() {
  const state = useStore(session, (value) => value.state);
  useEffect(() => {
    if (state === "unknown") void findSession();
  }, [state]);
  if (state === "unknown") return <Away />;
  if (state === "in") return <Shell />;
  return <SignIn />;
}

async function findSession(): Promise<void> {
  try {
    signedIn(await get<SessionBody>("/session"));
  } catch {
    // 401 is noted by the client; without a server, another attempt follows.
    if (session.get().state === "unknown") setTimeout(() => void findSession(), 2_000);
  }
}

function Shell() {
  const path = usePath();
  const [showsKeys, setShowsKeys] = useState(false);
  useEffect(() => {
    if (path === "/" || path === "/ui" || path === "/ui/") navigate(HOME, { replace: true });
  }, [path]);
  useShortcuts(words.nav.workflows, [
    { keys: "?", does: words.shell.help, run: () => setShowsKeys(true) },
  ]);
  const found = pageAt(path);
  return (
    <>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <Header current={found?.page.nav} onHelp={() => setShowsKeys(true)} />
      <Away />
      <main id="content" tabIndex={-1}>
        <Fault key={path}>{found ? <Shown {...found} /> : <NotFound />}</Fault>
      </main>
      <StatusLine />
      {showsKeys && <ShortcutList onClose={() => setShowsKeys(false)} />}
    </>
  );
}

function pageAt(path: string): { page: Page; values: Record<string, string> } | null {
  for (const page of PAGES) {
    const values = match(page.path, path);
    if (values) return { page, values };
  }
  return null;
}

function Shown({ page, values }: { page: Page; values: Record<string, string> }) {
  if (page.scope && !may(page.scope)) {
    return <Forbidden scope={page.scope} />;
  }
  return <page.page {...values} />;
}

function Away() {
  const isAway = useStore(session, (value) => value.isAway);
  return isAway ? (
    <div className="banner" role="alert">
      {words.shell.away}
    </div>
  ) : null;
}

function StatusLine() {
  const { text, toast } = useStore(status, (value) => value);
  return (
    <footer className="status-line">
      <span aria-live="polite">{text}</span>
      {toast && (
        <Button
          onClick={() => {
            status.set({ toast: null });
            toast.undo();
          }}
        >
          {words.common.undo}
        </Button>
      )}
    </footer>
  );
}

/** A page with a fault does not take the others with it. */
class Fault extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Broken error={this.state.error} />;
  }
}
