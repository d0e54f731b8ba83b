// What every function takes along: Ctrl-C ends it, progress and notices go to stderr.
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped')));

export const host = {
  signal: stop.signal,
  progress: (event) => {
    if (event.kind !== 'step') return;
    process.stderr.write(`${event.subject}: ${event.stage} ${event.done} of ${event.total}\n`);
  },
  notice: (text) => process.stderr.write(`${text}\n`),
};

export const say = (line) => process.stdout.write(`${line}\n`);
