/** Where things are in a chart, and what is written at its axes. */

/** Return round values from 0 to at least `most`, such as 0, 20, 40, 60. */
export function ticksTo(most: number, about = 4): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => round(index * step));
}

/** Return which of `count` places along an axis have a label, so that labels do not overlap. */
export function labelled(count: number, most: number): (index: number) => boolean {
  const every = Math.max(1, Math.ceil(count / Math.max(1, most)));
  return (index) => index % every === 0;
}

const round = (value: number): number => Number(value.toPrecision(12));
