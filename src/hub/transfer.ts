import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { RunningDigest } from './digest.ts';
import { diskError } from './disk.ts';
import { connectionError } from './hub-errors.ts';
import type { FileLocation } from './location.ts';
import type { PartialFile } from './partial.ts';
import { judgeRange } from './range-response.ts';
import { sendForBytes } from './request.ts';
import { describePause, pauseBefore } from './retry.ts';
import { SpanWriter } from './span-writer.ts';
import { type Claim, WorkSplit } from './spans.ts';

/** Bytes of one file, from wherever the Hub says they are, into a partial file. */
export interface TransferRequest {
  /** What a person calls the file. */
  readonly what: string;
  readonly sizeBytes: number;
  /** What the digest shall be; null where nobody has said: the size is all that is checked. */
  readonly objectId: string | null;
  /** Where the bytes are: asked at the start and whenever a link has expired. */
  readonly locate: (signal: AbortSignal) => Promise<FileLocation>;
  /** At most so many at once; `auto` adds connections as long as that makes it faster. */
  readonly connections: number | 'auto';
  readonly onProgress: (progress: TransferProgress) => void;
}

export interface TransferProgress {
  readonly doneBytes: number;
  /** Bytes received by this run, those that were received twice included. */
  readonly receivedBytes: number;
  readonly connections: number;
}

const MOST_AUTO_CONNECTIONS = 4;
/** Times that a download may begin anew before the server is taken to be unable to send the file. */
const MOST_RESTARTS = 3;
/** What a kill may cost at most, beside what is on its way. */
const SAVE_EVERY_BYTES = 32 * 1024 * 1024;
const SAVE_EVERY_MS = 200;
/** Less than this between two failures is no progress: a server that drops every connection must end. */
const PROGRESS_BYTES = 64 * 1024;
const LEAST_PIECE_BYTES = 1024 * 1024;
/** Each piece is a request, and a request a connection of its own. */
const MOST_PIECE_BYTES = 256 * 1024 * 1024;

/** Thrown inside a round to begin a new one with an empty file. */
class Restart extends Error {
  override readonly cause: QuantscopeError;

  constructor(cause: QuantscopeError) {
    super(cause.message);
    this.cause = cause;
  }
}

/**
 * Fetches what is missing of a file and checks the whole of it. Resolves when every byte is in the partial file and
 * its digest is the object id, with that digest; otherwise throws, with what was received kept for the next attempt
 * unless it is known to be wrong.
 * @throws QuantscopeError `hub/wrong-bytes`, `hub/changed`, `hub/not-the-file`, `hub/disk-full`, `hub/unreachable`,
 *   `hub/rate-limited`, ...; the signal's reason
 */
export async function transfer(
  request: TransferRequest,
  partial: PartialFile,
  context: HubContext,
): Promise<string> {
  const digest = new RunningDigest(request.objectId ?? '', request.sizeBytes);
  try {
    for (let restarts = 0; ; restarts++) {
      const round = new Round(request, partial, digest, context);
      try {
        await round.run();
        const got = await digest.finish(partial.handle, partial.done);
        const { objectId } = request;
        if (objectId === null || got === objectId) return got;
        throw new Restart(wrongBytes(request.what, got, objectId));
      } catch (thrown) {
        if (!(thrown instanceof Restart)) throw thrown;
        await digest.settle();
        digest.reset();
        await partial.reset();
        // Wrong bytes twice are what the server has: a third time would be the same.
        const most = thrown.cause.code === 'hub/changed' ? MOST_RESTARTS : 1;
        if (restarts >= most) throw thrown.cause;
        context.notice(`${thrown.cause.message}; starting over`);
      }
    }
  } finally {
    await digest.settle();
  }
}

/** One pass over what is missing, by as many connections as are worth it. */
class Round {
  readonly #request: TransferRequest;
  readonly #partial: PartialFile;
  readonly #digest: RunningDigest;
  readonly #context: HubContext;
  readonly #split: WorkSplit;
  /** Ends all connections of the round when one of them finds that it cannot go on. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #location: Promise<FileLocation> | undefined;
  #wanted = 1;
  #active = 0;
  #ranges = true;
  #received = 0;
  #failures = 0;
  #receivedAtFailure = 0;
  #savedBytes = 0;
  #savedAt: number;
  #failure: unknown;

  constructor(request: TransferRequest, partial: PartialFile, digest: RunningDigest, context: HubContext) {
    this.#request = request;
    this.#partial = partial;
    this.#digest = digest;
    this.#context = context;
    this.#split = new WorkSplit(partial.done.gaps(request.sizeBytes));
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal]);
    this.#savedAt = context.now();
  }

  async run(): Promise<void> {
    const { connections } = this.#request;
    // An earlier attempt's bytes are hashed while the rest arrives.
    this.#hashOn();
    const workers: Promise<void>[] = [];
    const start = (count: number): void => {
      this.#wanted = count;
      if (count > 1) this.#split.shorten(this.#pieceBytes());
      // Counted beforehand: one that finds nothing to do has ended already.
      for (let more = count - this.#active; more > 0; more--) workers.push(this.#work());
    };
    start(1);
    const first = workers[0];
    const control =
      connections === 1
        ? undefined
        : this.#control(connections, start).catch((thrown: unknown) => {
            this.#fail(thrown);
          });
    await first;
    await control;
    // Connections may have been added after the first one ran out of work.
    for (let index = 0; index < workers.length; index++) await workers[index];
    this.#context.signal.throwIfAborted();
    if (this.#failure === undefined && this.#missing() > 0) {
      this.#failure = new QuantscopeError(
        'hub/incomplete',
        `${this.#request.what}: ${this.#missing()} bytes did not come`,
      );
    }
    if (this.#failure === undefined) return;
    throw this.#failure;
  }

  /** Adds connections: to the number asked for as soon as one works, or while each doubling pays. */
  async #control(connections: number | 'auto', start: (count: number) => void): Promise<void> {
    while (this.#received === 0 && this.#active > 0) await this.#pause(20);
    if (connections !== 'auto') {
      if (this.#ranges && this.#active > 0 && this.#worthSharing()) start(connections);
      return;
    }
    let rate = await this.#measure(250);
    while (this.#wanted < MOST_AUTO_CONNECTIONS && this.#ranges && this.#active > 0) {
      // What is left takes no longer than finding out would.
      if (rate === 0 || this.#missing() / rate < 1500 || !this.#worthSharing()) return;
      const before = this.#wanted;
      start(before * 2);
      await this.#pause(100);
      const faster = await this.#measure(250);
      if (faster < rate * 1.25) {
        this.#wanted = before;
        return;
      }
      rate = faster;
    }
  }

  #worthSharing(): boolean {
    return this.#missing() > 2 * LEAST_PIECE_BYTES;
  }

  /** Bytes per millisecond over a while. */
  async #measure(milliseconds: number): Promise<number> {
    const [from, at] = [this.#received, this.#context.now()];
    await this.#pause(milliseconds);
    return (this.#received - from) / Math.max(1, this.#context.now() - at);
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#signal.aborted) return;
    await this.#context.sleep(milliseconds, this.#signal).catch(() => {});
  }

  #missing(): number {
    return this.#request.sizeBytes - this.#partial.done.bytes;
  }

  #pieceBytes(): number {
    if (this.#wanted === 1) return Number.MAX_SAFE_INTEGER;
    const share = Math.ceil(this.#missing() / (this.#wanted * 3));
    return Math.min(MOST_PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, share));
  }

  /** One connection: spans one after the other, as long as there are any and it is wanted. */
  async #work(): Promise<void> {
    this.#active++;
    try {
      while (!this.#signal.aborted && this.#active <= this.#wanted) {
        const claim = this.#split.claim(this.#pieceBytes());
        if (claim === undefined) return;
        try {
          await this.#fetch(claim);
        } catch (thrown) {
          this.#signal.throwIfAborted();
          await this.#afterFailure(thrown);
        } finally {
          this.#split.release(claim);
        }
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#active--;
    }
  }

  #fail(thrown: unknown): void {
    // The first failure is the reason; the others are its echo.
    if (!this.#stop.signal.aborted && !this.#context.signal.aborted) this.#failure = thrown;
    this.#stop.abort(thrown);
  }

  async #fetch(claim: Claim): Promise<void> {
    const { what, sizeBytes } = this.#request;
    const [start, end] = [claim.position, claim.end];
    const location = await this.#locate();
    const { validator } = this.#partial;
    const asked = { what, start, end, sizeBytes, validator };
    const sent = await sendForBytes(
      location.url,
      {
        headers: {
          'accept-encoding': 'identity',
          range: `bytes=${start}-${end - 1}`,
          ...(validator === null || start === 0 ? {} : { 'if-range': validator }),
        },
        what,
        signal: this.#signal,
      },
      this.#context,
    );
    const verdict = judgeRange(sent.answer, asked);
    switch (verdict.kind) {
      case 'span':
      case 'whole':
        break;
      case 'restart':
        await sent.answer.cancel();
        await this.#checkWithHub();
        throw new Restart(verdict.error);
      case 'expired':
        await sent.answer.cancel();
        this.#location = undefined;
        throw new Transient(verdict.error, undefined);
      case 'transient':
        await sent.answer.cancel();
        // A server that will not have so many connections has fewer from here on.
        this.#wanted = Math.max(1, this.#active - 1);
        throw new Transient(verdict.error, sent.answer.headers);
      case 'foreign':
        await sent.answer.cancel();
        // Such a page may be of one server among several, so another link is asked for.
        this.#location = undefined;
        throw new Transient(verdict.error, undefined);
    }
    if (verdict.kind === 'whole') {
      this.#ranges = false;
      this.#wanted = 1;
    }
    this.#partial.validator ??= verdict.validator;
    await this.#receive(claim, sent);
  }

  async #receive(
    claim: Claim,
    { answer, url, watch }: Awaited<ReturnType<typeof sendForBytes>>,
  ): Promise<void> {
    const { what } = this.#request;
    const writer = new SpanWriter(claim.position, (bytes, at) => this.#store(bytes, at));
    const { now } = this.#context;
    let sentAt = now();
    const take = (bytes: Uint8Array): boolean | Promise<boolean> => {
      watch.count(bytes.length);
      this.#received += bytes.length;
      // Another connection may have taken over the end of the claim meanwhile.
      const part = bytes.subarray(0, Math.max(0, claim.end - claim.position));
      claim.position += part.length;
      const behind = writer.append(part);
      if (behind === undefined) {
        // What a slow connection brings can be resumed from before a slab is full.
        if (now() - sentAt >= SAVE_EVERY_MS) {
          sentAt = now();
          writer.send();
        }
        return claim.position < claim.end;
      }
      // A slow disk is no silence of the server's.
      watch.pause();
      return behind.then(() => {
        watch.resume();
        return claim.position < claim.end;
      });
    };
    let failure: unknown;
    try {
      await watch.during(answer.receive({ room: () => writer.room(), take }));
    } catch (thrown) {
      failure = thrown;
    }
    try {
      // What has arrived is kept, whatever ended it.
      await writer.flush();
    } finally {
      claim.position = writer.written;
      await answer.cancel();
    }
    if (failure !== undefined) {
      this.#signal.throwIfAborted();
      if (failure instanceof QuantscopeError) throw failure;
      throw new Transient(
        connectionError(what, watch.timedOut ? watch.signal.reason : failure, url),
        undefined,
      );
    }
    if (claim.position < claim.end) {
      const why = `the connection ended at byte ${claim.position}, expected it to go on to ${claim.end}`;
      const hint = 'Try again: what is here will be used.';
      throw new Transient(new QuantscopeError('hub/short-body', `${what}: ${why}`, { hint }), undefined);
    }
  }

  async #store(bytes: Uint8Array, at: number): Promise<void> {
    const writing = this.#partial.write(bytes, at);
    // Beside the write, which another thread does.
    this.#digest.offer(at, bytes);
    try {
      await writing;
      await this.#saveNowAndThen();
    } catch (cause) {
      throw this.#diskError(cause);
    }
    this.#hashOn();
    this.#request.onProgress({
      doneBytes: this.#partial.done.bytes,
      receivedBytes: this.#received,
      connections: this.#active,
    });
  }

  #diskError(cause: unknown): unknown {
    return diskError(this.#request.what, this.#partial.path, cause, this.#missing());
  }

  async #saveNowAndThen(): Promise<void> {
    const { now } = this.#context;
    const isDue =
      this.#received - this.#savedBytes >= SAVE_EVERY_BYTES || now() - this.#savedAt >= SAVE_EVERY_MS;
    if (!isDue) return;
    this.#savedBytes = this.#received;
    this.#savedAt = now();
    await this.#partial.save();
  }

  #hashOn(): void {
    if (!this.#digest.isBehind(this.#partial.done)) return;
    this.#digest.catchUp(this.#partial.handle, this.#partial.done).catch((cause: unknown) => {
      this.#fail(this.#diskError(cause));
    });
  }

  /** Pauses before the next attempt, or gives up. */
  async #afterFailure(thrown: unknown): Promise<void> {
    const isConnection = thrown instanceof QuantscopeError && thrown.code === 'hub/unreachable';
    if (!(thrown instanceof Transient) && !isConnection) throw thrown;
    const error = thrown instanceof Transient ? thrown.cause : thrown;
    if (this.#received - this.#receivedAtFailure >= PROGRESS_BYTES) this.#failures = 0;
    this.#receivedAtFailure = this.#received;
    this.#failures++;
    if (this.#failures >= attemptsFor(error, this.#context)) throw error;
    const pause = pauseBefore(
      this.#failures,
      thrown instanceof Transient ? thrown.headers : undefined,
      this.#context,
    );
    if (pause.milliseconds >= 1000) this.#context.notice(`${error.message}; ${describePause(pause)}`);
    await this.#context.sleep(pause.milliseconds, this.#signal);
  }

  /** The present link; all connections share it, and the first that finds it expired asks for another. */
  #locate(): Promise<FileLocation> {
    this.#location ??= this.#ask();
    return this.#location;
  }

  async #ask(): Promise<FileLocation> {
    const location = await this.#request.locate(this.#signal);
    const { what, objectId, sizeBytes } = this.#request;
    const isOther = objectId !== null && location.objectId !== undefined && location.objectId !== objectId;
    if (isOther || (location.sizeBytes !== undefined && location.sizeBytes !== sizeBytes)) {
      const got = isOther ? `object ${location.objectId}` : `${location.sizeBytes} bytes`;
      const expected = isOther ? objectId : sizeBytes;
      throw new QuantscopeError(
        'hub/changed-on-hub',
        `${what}: the Hub now has ${got}, expected ${expected}`,
        {
          hint: 'The repository changed while it was downloaded; run the command again.',
        },
      );
    }
    return location;
  }

  /** Before anything is thrown away: is the file at this commit still the one that was asked for? */
  async #checkWithHub(): Promise<void> {
    this.#location = undefined;
    await this.#locate();
  }
}

/** A failure after which the same thing may work. */
class Transient extends Error {
  override readonly cause: QuantscopeError;
  readonly headers: Headers | undefined;

  constructor(cause: QuantscopeError, headers: Headers | undefined) {
    super(cause.message);
    this.cause = cause;
    this.headers = headers;
  }
}

/** A page in place of the file, or a refusal, seldom goes away by waiting. */
function attemptsFor({ code }: QuantscopeError, { attempts }: HubContext): number {
  return /^hub\/(?:not-the-file|bad-range|forbidden)$/.test(code) ? Math.min(3, attempts) : attempts;
}

function wrongBytes(what: string, got: string, objectId: string): QuantscopeError {
  const algorithm = objectId.length === 40 ? 'git SHA-1' : 'SHA-256';
  return new QuantscopeError(
    'hub/wrong-bytes',
    `${what}: the bytes that came have the ${algorithm} ${got}, expected ${objectId}`,
    {
      hint: 'What came was thrown away. Try again; if it happens again, a proxy or the server spoils the file.',
    },
  );
}
