// A gate of one's own in a build: make variants, measure them, judge them, and write the page. Ctrl-C ends it, progress
// goes to stderr. Run: node examples/gate.mjs nano:F16 OUT-FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, isQuantscopeError, judge, quantize, reportPage } from 'quantscope';

const [source = 'nano:F16', folder = 'gate'] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped')));
const host = {
  signal: stop.signal,
  notice: (text) => process.stderr.write(`${text}\n`),
  progress: (event) => {
    if (event.kind === 'end') process.stderr.write(`${event.subject}: ${event.failure ?? 'done'}\n`);
  },
};

try {
  await mkdir(folder, { recursive: true });
  const { variants } = await quantize(source, ['Q8_0', 'Q2_K'], { ...host, out: folder, force: true });
  const files = variants.flatMap(({ paths }) => paths);
  const results = await compare([source, ...files], {
    ...host,
    only: ['size', 'accuracy'],
    quick: true,
    threads: 1,
  });
  const path = join(folder, 'results.json');
  await writeFile(path, JSON.stringify(results));
  await writeFile(join(folder, 'report.html'), await reportPage([path]));
  const { verdict, outcomes } = await judge([path], { failIf: ['any.divergence.meanKld > 0.05'] });
  for (const { condition, findings } of outcomes) {
    process.stdout.write(
      `${condition}: ${verdict}\n${findings.map(({ message }) => `  ${message}\n`).join('')}`,
    );
  }
} catch (thrown) {
  if (!isQuantscopeError(thrown)) throw thrown;
  // Codes are stable; messages are for people.
  process.stderr.write(`${thrown.code}: ${thrown.message}\n`);
  process.exitCode = 2;
}
