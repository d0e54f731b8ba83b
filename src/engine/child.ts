import { messageOf } from '../util/errors.ts';
import type { EngineSession, Streaming } from './engine.ts';
import { EngineError } from './errors.ts';
import { dieWithParent } from './llama-cpp/die-with-parent.ts';
import type { Call, Ready, Reply, Start, Stop, WireError } from './messages.ts';
import { startLlama } from './start-llama.ts';

/** The engine's process: starts llama.cpp, answers one call at a time, and dies with its parent. */

// A terminal sends Ctrl-C to every process of the group; the parent decides when this one ends.
process.on('SIGINT', () => {});
// The parent is gone. A native call may hold the exit handlers up, so leave without them.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
dieWithParent();

let session: EngineSession | undefined;
let queue = Promise.resolve();
/** Streaming calls that are running or wait for their turn. */
const stoppable = new Map<number, AbortController>();

process.on('message', (message: Start | Call | Stop) => {
  if ('stop' in message) {
    stoppable.get(message.stop)?.abort();
    return;
  }
  if ('method' in message && message.streams) stoppable.set(message.id, new AbortController());
  queue = queue.then(() => ('start' in message ? start(message) : answer(message)));
});

async function start({ start: { gpu, build } }: Start): Promise<void> {
  try {
    session = await startLlama(gpu, build);
    send({ ready: session.info });
  } catch (thrown) {
    send({ failed: onTheWire(thrown) });
  }
}

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    if (session === undefined) throw new EngineError('engine/exited', 'the engine was not started');
    const callable: unknown = Reflect.get(session, method);
    if (typeof callable !== 'function') throw new EngineError('engine/abi', `no engine call ${method}`);
    const stop = stoppable.get(id);
    const streaming: Streaming<unknown>[] =
      stop === undefined ? [] : [{ onStep: (step) => send({ id, step }), signal: stop.signal }];
    send({ id, value: await Reflect.apply(callable, session, [...args, ...streaming]) });
  } catch (thrown) {
    send({ id, error: onTheWire(thrown) });
  } finally {
    stoppable.delete(id);
  }
}

function onTheWire(thrown: unknown): WireError {
  if (thrown instanceof EngineError) {
    const { code, message, hint } = thrown;
    return hint === undefined ? { code, message } : { code, message, hint };
  }
  return { code: 'engine/evaluation-failed', message: messageOf(thrown) };
}

function send(message: Ready | Reply): void {
  process.send?.(message);
}
