import { Chalk } from 'chalk';
import { plainStyle, type Style } from '../report/style.ts';
import type { TextLayout } from '../report/table-text.ts';

interface ColorTarget {
  readonly isTTY?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How one stream is painted: colors on a terminal, none elsewhere. As in Node itself `FORCE_COLOR` has the
 * last word (`0` and `false` say no), then `NO_COLOR` (https://no-color.org: any value but the empty one)
 * and `TERM=dumb` say no.
 */
export function terminalStyle(stream: ColorTarget, env: Environment = process.env): Style {
  if (!wantsColor(stream, env)) return plainStyle;
  // The sixteen colors that every terminal has and every theme has chosen; the level is fixed, because
  // chalk's own detection looks at process.stdout, which need not be this stream.
  const chalk = new Chalk({ level: 1 });
  return {
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    warn: (text) => chalk.yellow(text),
    accent: (text) => chalk.cyan(text),
  };
}

function wantsColor(stream: ColorTarget, env: Environment): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/**
 * What a text for stdout is written for.
 * @param elsewhere the width where that is no terminal: paths in a pipe are not to be wrapped
 */
export function stdoutLayout(elsewhere = 100): TextLayout {
  return { style: terminalStyle(process.stdout), width: Math.max(60, process.stdout.columns || elsewhere) };
}
