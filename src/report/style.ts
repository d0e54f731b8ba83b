type Paint = (text: string) => string;

/**
 * The inks a renderer may use, named by what they say and not by colour. A renderer pads first and paints
 * last, so a paint may add characters that take no room on a terminal and nothing else.
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

/** No ink at all: files, pipes, `NO_COLOR` and tests. */
export const plainStyle: Style = {
  bold: asItIs,
  dim: asItIs,
  good: asItIs,
  bad: asItIs,
  warn: asItIs,
  accent: asItIs,
};
