import { type ChildProcess, fork } from 'node:child_process';
import { packagePath } from '../util/package-files.ts';
import { type BuildChoice, buildChoiceOf } from './build-choice.ts';
import type { EngineInfo, EngineSession, GpuChoice, StartOptions, Streaming } from './engine.ts';
import { EngineError } from './errors.ts';
import { exitError } from './exit-error.ts';
import type { Call, MethodName, Ready, Reply, Start, Stop, WireError } from './messages.ts';

const CHILD_MODULE = packagePath('dist/engine-child.js');
const STDERR_KEPT_BYTES = 8192;

/** What a child is started with: one backend, which the parent has chosen. */
export type ChildOptions = StartOptions & { readonly gpu: Exclude<GpuChoice, 'auto'> };

interface Pending {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  readonly timer: NodeJS.Timeout;
  readonly onStep?: (step: unknown) => void;
}

/**
 * One child with the engine in it. Peak memory is that process's, and a native crash, a kill by the system or a hang
 * rejects the pending call with an EngineError instead of ending the program.
 * @throws as `startEngineProcess`
 */
export async function startEngineChild(options: ChildOptions): Promise<EngineSession> {
  options.signal?.throwIfAborted();
  const build = options.build ?? buildChoiceOf(process.env);
  const child = fork(CHILD_MODULE, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  const channel = new Channel(child, options);
  try {
    const info = await channel.start(build);
    return sessionOver(channel, info);
  } catch (thrown) {
    await channel.end();
    throw thrown;
  }
}

/** A session whose every call goes to the child. */
function sessionOver(channel: Channel, info: EngineInfo): EngineSession {
  const call =
    <Name extends MethodName>(method: Name) =>
    (...args: Parameters<EngineSession[Name]>): ReturnType<EngineSession[Name]> =>
      // The child runs the method of the same name and type; structured clone keeps its value's shape.
      channel.call(method, args) as ReturnType<EngineSession[Name]>;
  const streaming =
    <Name extends MethodName>(method: Name) =>
    (request: Parameters<EngineSession[Name]>[0], told?: Streaming<never>) =>
      // As above; the steps are those of the method.
      channel.call(method, [request], told as Streaming<unknown> | undefined) as ReturnType<
        EngineSession[Name]
      >;
  return {
    info,
    loadModel: streaming('loadModel'),
    openContext: call('openContext'),
    unload: call('unload'),
    tokenize: call('tokenize'),
    tokenizeAll: call('tokenizeAll'),
    chatText: call('chatText'),
    chatPrompt: call('chatPrompt'),
    timeTest: call('timeTest'),
    timeFirstToken: call('timeFirstToken'),
    score: call('score'),
    scoreContinuations: call('scoreContinuations'),
    pieces: call('pieces'),
    generate: streaming('generate'),
    complete: call('complete'),
    observe: call('observe'),
    importance: call('importance'),
    tryWeights: call('tryWeights'),
    observedWeights: call('observedWeights'),
    weightErrors: call('weightErrors'),
    quantize: streaming('quantize'),
    quantizeRows: call('quantizeRows'),
    engineMemory: call('engineMemory'),
    planMemory: call('planMemory'),
    processMemory: call('processMemory'),
    [Symbol.asyncDispose]: () => channel.end(),
  };
}

class Channel {
  readonly #child: ChildProcess;
  readonly #options: ChildOptions;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  #stderr = '';
  #nextId = 0;
  #starting: ((message: Ready) => void) | undefined;
  /** Why it can take no more calls. */
  #ended: unknown;

  constructor(child: ChildProcess, options: ChildOptions) {
    this.#child = child;
    this.#options = options;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_BYTES);
    });
    child.on('message', (message: Ready | Reply) => this.#take(message));
    child.on('error', (cause) => this.#fail(new EngineError('engine/exited', cause.message, { cause })));
    this.#exited = new Promise((resolve) => {
      // `close` comes after the last of stderr, where an abort says why.
      child.on('close', (code, signal) => {
        this.#fail(exitError(code, signal, this.#stderr, this.#options.gpu));
        resolve();
      });
      child.on('error', () => {
        if (child.pid === undefined) resolve();
      });
    });
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async start(build: BuildChoice): Promise<EngineInfo> {
    const reply = new Promise<Ready>((resolve) => {
      this.#starting = resolve;
    });
    const { gpu } = this.#options;
    const message: Start = { start: { gpu, build } };
    const failed = this.#track<never>(-1);
    this.#child.send(message);
    const ready = await Promise.race([reply, failed]);
    this.#settle(-1)?.resolve(undefined);
    if ('failed' in ready) throw fromTheWire(ready.failed);
    return ready.ready;
  }

  call(method: MethodName, args: readonly unknown[], streaming?: Streaming<unknown>): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const reply = this.#track<unknown>(id, streaming?.onStep);
    const message: Call = { id, method, args, streams: streaming !== undefined };
    this.#child.send(message, (cause) => {
      // The close event has the better reason when the process is gone.
      if (cause && this.#child.exitCode === null && this.#child.signalCode === null) {
        this.#settle(id)?.reject(new EngineError('engine/exited', cause.message, { cause }));
      }
    });
    const { signal } = streaming ?? {};
    if (signal === undefined) return reply;
    const stop = () => {
      const request: Stop = { stop: id };
      if (this.#pending.has(id)) this.#child.send(request);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return reply.finally(() => signal.removeEventListener('abort', stop));
  }

  /** Kills the process and waits until it is gone. The weights need no farewell. */
  async end(): Promise<void> {
    this.#ended ??= new EngineError('engine/exited', 'the engine session was closed');
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #track<Value>(id: number, onStep?: (step: unknown) => void): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const timer = setTimeout(() => this.#timeOut(), this.#options.callTimeoutMs);
      // The value's type is the method's: see sessionOver.
      const pending: Pending = { resolve: resolve as (value: unknown) => void, reject, timer };
      this.#pending.set(id, onStep === undefined ? pending : { ...pending, onStep });
    });
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #take(message: Ready | Reply): void {
    if ('ready' in message || 'failed' in message) this.#starting?.(message);
    else if ('step' in message) {
      const pending = this.#pending.get(message.id);
      // The limit is for one step of a stream.
      pending?.timer.refresh();
      pending?.onStep?.(message.step);
    } else if ('error' in message) this.#settle(message.id)?.reject(fromTheWire(message.error));
    else this.#settle(message.id)?.resolve(message.value);
  }

  #fail(reason: unknown): void {
    this.#ended ??= reason;
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(this.#ended);
  }

  #timeOut(): void {
    const seconds = Math.round(this.#options.callTimeoutMs / 1000);
    this.#fail(
      new EngineError('engine/timeout', `one step took longer than ${seconds} s`, {
        hint: 'Allow more with --timeout SECONDS, or measure less with --quick.',
      }),
    );
    this.#child.kill('SIGKILL');
  }

  readonly #onAbort = (): void => {
    this.#fail(this.#options.signal?.reason);
    this.#child.kill('SIGKILL');
  };
}

function fromTheWire({ code, message, hint }: WireError): EngineError {
  return new EngineError(code, message, hint === undefined ? {} : { hint });
}
