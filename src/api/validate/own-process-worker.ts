import { messageOf } from '../../util/errors.ts';
import { validateEach } from './each.ts';
import type { OwnProcessQuestion } from './own-process.ts';

/** Judges the one file that it is sent and answers with its report, or why there is none: see own-process.ts. */
process.once('message', async ({ path, request }: OwnProcessQuestion) => {
  let answer: unknown = 'there is no report';
  try {
    for await (const report of validateEach([path], request)) answer = report;
  } catch (thrown) {
    answer = `judging it failed: ${messageOf(thrown)}`;
  }
  process.send?.(answer, () => process.disconnect());
});
// A terminal sends Ctrl-C to every process of the group; the one that asked decides when this one ends.
process.on('SIGINT', () => {});
// The parent is gone; nobody waits any more.
process.on('disconnect', () => process.exit());
