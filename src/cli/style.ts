import { Chalk } from 'chalk';
import { plainStyle, type Style } from '../report/style.ts';

interface ColourTarget {
  readonly isTTY?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The inks for one stream: colours on a terminal, none elsewhere. As in Node itself `FORCE_COLOR` has the
 * last word (`0` and `false` say no), then `NO_COLOR` (https://no-color.org: any value but the empty one)
 * and `TERM=dumb` say no.
 */
export function terminalStyle(stream: ColourTarget, env: Environment = process.env): Style {
  if (!wantsColour(stream, env)) return plainStyle;
  // The sixteen colours that every terminal has and every theme has chosen; the level is fixed, because
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

function wantsColour(stream: ColourTarget, env: Environment): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
