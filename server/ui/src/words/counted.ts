/** Return a number of things, such as `1 run` or `1,204 runs`. */
export const counted = (count: number, one: string, many: string): string =>
  `${number.format(count)} ${count === 1 ? one : many}`;

const number = new Intl.NumberFormat();
