/** A long list of rows of one height, of which only those in view are drawn. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import "./virtual-list.css";

// Rows drawn above and below those that are seen, so that fast scrolling shows no gap.
const EXTRA = 8;

interface VirtualListProperties {
  label: string;
  count: number;
  /** In pixels. */
  rowHeight: number;
  /** Height of the list in rows, at most. */
  rows: number;
  /** Place of the chosen row; null for none. */
  chosen: number | null;
  onChoose(index: number): void;
  row(index: number): ReactNode;
  keyOf(index: number): string | number;
  /** Show new rows at the end as they come, unless the person has scrolled up. */
  followsEnd?: boolean;
  /** The width of the content, as CSS; default: that of the list. */
  width?: string;
  /** Stays above the rows. */
  head?: ReactNode;
}

/** A list box: arrow keys, Page Up and Down, Home and End move the choice. */
export function VirtualList(properties: VirtualListProperties) {
  const { count, rowHeight, chosen } = properties;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const seen = useSeen(box, properties);
  const from = Math.max(0, Math.floor(seen.top / rowHeight) - EXTRA);
  const to = Math.min(count, Math.ceil((seen.top + seen.height) / rowHeight) + EXTRA);
  const move = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(seen.height / rowHeight) - 1);
    const at = chosen ?? -1;
    const places: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: count - 1,
    };
    const wanted = places[event.key];
    if (wanted === undefined || count === 0) return;
    event.preventDefault();
    const next = Math.min(count - 1, Math.max(0, wanted));
    properties.onChoose(next);
    show(box.current, next, rowHeight);
  };
  const drawn = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  return (
    <div className="virtual" role="presentation">
      <div
        ref={box}
        className="virtual-box"
        role="listbox"
        aria-label={properties.label}
        tabIndex={0}
        aria-activedescendant={
          chosen !== null && chosen >= from && chosen < to ? `${id}-${chosen}` : undefined
        }
        onKeyDown={move}
        style={{ maxHeight: properties.rows * rowHeight }}
      >
        {properties.head}
        <div
          role="presentation"
          className="virtual-rows"
          style={{ height: count * rowHeight, width: properties.width }}
        >
          {drawn.map((index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are those of the list
            // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
            <div
              key={properties.keyOf(index)}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              aria-posinset={index + 1}
              aria-setsize={count}
              className="virtual-row"
              style={{ top: index * rowHeight, height: rowHeight }}
              onClick={() => properties.onChoose(index)}
            >
              {properties.row(index)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** Return which part of the list is seen, and keep its end in view if it follows. */
function useSeen(
  box: React.RefObject<HTMLDivElement | null>,
  { count, rowHeight, rows, followsEnd }: VirtualListProperties,
) {
  const [seen, setSeen] = useState({ top: 0, height: rows * rowHeight });
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      setSeen({ top: element.scrollTop, height: element.clientHeight });
      const left = element.scrollHeight - element.scrollTop - element.clientHeight;
      isAtEnd.current = left < rowHeight;
    };
    const ask = () => {
      frame ||= requestAnimationFrame(look);
    };
    element.addEventListener("scroll", ask, { passive: true });
    const sized = new ResizeObserver(ask);
    sized.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", ask);
      sized.disconnect();
    };
  }, [box, rowHeight]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new rows are what it follows
  useEffect(() => {
    const element = box.current;
    if (element && followsEnd && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [box, count, followsEnd]);
  return seen;
}

function show(box: HTMLElement | null, index: number, rowHeight: number): void {
  if (!box) return;
  const top = index * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + rowHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + rowHeight - box.clientHeight;
  }
}
