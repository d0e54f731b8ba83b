import { dirname, join } from 'node:path';
import { joinReplies } from '../measure/replies-beside.ts';
import type { Results } from '../schema/results.ts';
import { boundedText } from '../util/bounded-text.ts';
import { messageOf } from '../util/errors.ts';

/** The replies of ten thousand questions to a dozen variants. */
const LARGEST_BYTES = 256 * 1024 ** 2;

/**
 * Results with the replies that were written beside them because they are large. Where that file is gone or is another,
 * the results are good without it, and say so among their warnings.
 * @param path of the results
 */
export async function withRepliesBeside(path: string, results: Results): Promise<Results> {
  const { repliesBeside, ...figures } = results;
  if (repliesBeside === undefined) return results;
  const without = (why: string): Results => ({
    ...figures,
    warnings: [...figures.warnings, `the replies are not shown: ${repliesBeside.file}: ${why}`],
  });
  try {
    const text = await boundedText(join(dirname(path), repliesBeside.file), LARGEST_BYTES);
    const joined = joinReplies(results, text);
    return typeof joined === 'string' ? without(joined) : joined;
  } catch (cause) {
    return without(messageOf(cause));
  }
}
