type Paint = (text: string) => string;

/**
 * How a renderer may paint, named by what it says and not by color. It pads first and paints last, so that a paint may
 * add only characters that take no width on a terminal.
 */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly accent: Paint;
}

const asItIs: Paint = (text) => text;

/** Nothing painted: files, pipes, `NO_COLOR` and tests. */
export const plainStyle: Style = {
  bold: asItIs,
  dim: asItIs,
  good: asItIs,
  bad: asItIs,
  warn: asItIs,
  accent: asItIs,
};
