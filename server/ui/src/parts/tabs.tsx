/** Tabs: arrow keys move between them. */
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

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
