/** Tabs: arrow keys move between them. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from "react";

export interface Tab {
  id: string;
  label: ReactNode;
  content(): ReactNode;
  /** It stays as it is while another tab is shown. */
  isKept?: boolean;
}

export function Tabs(properties: {
  label: string;
  tabs: Tab[];
  chosen: string;
  onChoose(id: string): void;
}) {
  const { tabs, onChoose } = properties;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const chosen = tabs.find((tab) => tab.id === properties.chosen) ?? tabs[0];
  useEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>(`[id="${id}-${chosen?.id}"]`);
    if (list.current && tab) keepInView(list.current, tab);
  }, [id, chosen?.id]);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === chosen?.id);
    const steps: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = (next + tabs.length) % tabs.length;
    onChoose(tabs[index]?.id ?? "");
    (list.current?.children[index] as HTMLElement | undefined)?.focus();
  };
  return (
    <>
      <div
        className="tabs"
        role="tablist"
        aria-label={properties.label}
        ref={list}
        onKeyDown={move}
      >
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${id}-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab === chosen}
            aria-controls={tab === chosen ? `${id}-${tab.id}-panel` : undefined}
            tabIndex={tab === chosen ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      {tabs
        .filter((tab) => tab === chosen || tab.isKept)
        .map((tab) => (
          <div
            key={tab.id}
            id={`${id}-${tab.id}-panel`}
            className="tab-panel"
            role="tabpanel"
            aria-labelledby={`${id}-${tab.id}`}
            hidden={tab !== chosen}
          >
            {tab.content()}
          </div>
        ))}
    </>
  );
}

/** Scroll a row of tabs, and nothing else, so that all of a tab is seen. */
function keepInView(list: HTMLElement, tab: HTMLElement): void {
  const [outer, inner] = [list.getBoundingClientRect(), tab.getBoundingClientRect()];
  if (inner.left < outer.left) list.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) list.scrollLeft += inner.right - outer.right;
}
