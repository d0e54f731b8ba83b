import type { BuildChoice } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';

export type { BuildChoice } from '../schema/terms.ts';

/**
 * Which binary of llama.cpp a session takes: the one that came from npm, the one compiled on this machine, or with
 * `auto` the local one when there is one for the backend and it loads.
 */
export const BUILD_VARIABLE = 'QUANTSCOPE_ENGINE';

/**
 * What the environment asks for.
 * @throws UsageError `engine/unknown-build`
 */
export function buildChoiceOf(env: Readonly<Record<string, string | undefined>>): BuildChoice {
  const asked = env[BUILD_VARIABLE];
  switch (asked) {
    case undefined:
    case '':
      return 'auto';
    case 'auto':
    case 'prebuilt':
    case 'local':
      return asked;
    default:
      throw new UsageError(
        'engine/unknown-build',
        `${BUILD_VARIABLE} is "${asked}", expected auto, prebuilt or local`,
        { hint: 'quantscope engine shows which builds there are.' },
      );
  }
}
