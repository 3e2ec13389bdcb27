/** Dots beside the lines at which a run stops; a press beside a line sets or takes out one. */
import { type Extension, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { type EditorView, GutterMarker, gutter } from "@codemirror/view";

class Dot extends GutterMarker {
  override toDOM(): Node {
    return document.createTextNode("●");
  }
}

const DOT = new Dot();
const shown = StateEffect.define<readonly number[]>();

const dots = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(value, transaction) {
    let set = value.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(shown)) continue;
      const lines = effect.value
        .filter((at) => at <= transaction.state.doc.length)
        .map((at) => transaction.state.doc.lineAt(at).from);
      set = RangeSet.of([...new Set(lines)].sort((a, b) => a - b).map((from) => DOT.range(from)));
    }
    return set;
  },
});

/** Return the gutter; `toggle` gets the extent of the line that was pressed. */
export function breakpointGutter(toggle: (from: number, to: number) => void): Extension {
  return [
    dots,
    gutter({
      class: "cm-breakpoints",
      markers: (view) => view.state.field(dots),
      initialSpacer: () => DOT,
      renderEmptyElements: true,
      domEventHandlers: {
        mousedown(view, block) {
          toggle(block.from, view.state.doc.lineAt(block.from).to);
          return true;
        },
      },
    }),
  ];
}

/** Show dots at the lines of these offsets, and nowhere else. */
export function showBreakpoints(view: EditorView, offsets: readonly number[]): void {
  view.dispatch({ effects: shown.of(offsets) });
}
