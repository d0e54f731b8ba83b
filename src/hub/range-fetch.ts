import { QuantscopeError } from '../util/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Claim } from './byte-ranges.ts';
import type { HubContext } from './context.ts';
import type { ByteAnswer } from './http-bytes.ts';
import { connectionError } from './hub-errors.ts';
import type { Link } from './location.ts';
import type { Download } from './planned-file.ts';
import { judgeRange } from './range-response.ts';
import { type RangeStore, RangeWriter } from './range-writer.ts';
import { type Answer, sendForBytes } from './request.ts';
import { Restart, Transient } from './retry.ts';

/** Bytes that arrived are written at least so often: what a kill may cost of a slow connection. */
const SEND_EVERY_MS = 200;

/** The download that a connection is a part of. */
export interface RangeTarget extends RangeStore {
  readonly file: Download;
  readonly link: Link;
  readonly pool: BufferPool;
  /** What names the version of the bytes that are here. */
  readonly validator: string | null;
  /** The server's answer is the file; `isWhole` where it sends all of it whatever is asked for. */
  readonly accept: (validator: string | null, isWhole: boolean) => void;
  /** So many bytes have arrived. */
  readonly count: (bytes: number) => void;
}

/**
 * Fetches the bytes of a claim over one connection. What has arrived is stored, whatever ends it.
 * @throws Restart, Transient; QuantscopeError `hub/unreachable` or what storing throws; the signal's reason
 */
export async function fetchRange(
  claim: Claim,
  target: RangeTarget,
  signal: AbortSignal,
  context: HubContext,
): Promise<void> {
  const { link, validator } = target;
  const { what, sizeBytes, objectId } = target.file;
  const { position: start, end } = claim;
  const location = await link.get(signal);
  const headers = {
    'accept-encoding': 'identity',
    range: `bytes=${start}-${end - 1}`,
    // A weak ETag is no condition for a range (RFC 9110, 13.1.5).
    ...(validator === null || start === 0 || validator.startsWith('W/') ? {} : { 'if-range': validator }),
  };
  const sent = await sendForBytes(location.url, { headers, what, signal }, context);
  const mustMatch = objectId === null;
  const judged = judgeRange(sent.response, { what, start, end, sizeBytes, validator, mustMatch });
  switch (judged.kind) {
    case 'range':
    case 'whole':
      target.accept(judged.validator, judged.kind === 'whole');
      return receive(claim, sent, target, signal, context);
    case 'restart':
      await sent.response.cancel();
      // Before anything is thrown away: is the file at this commit still the one that was asked for?
      link.expire();
      await link.get(signal);
      throw new Restart(judged.error);
    case 'transient':
      await sent.response.cancel();
      throw new Transient(judged.error, sent.response.headers);
    case 'expired':
    case 'foreign':
      await sent.response.cancel();
      // A page in place of the file may be of one server among several, so another link is asked for here too.
      link.expire();
      throw new Transient(judged.error);
  }
}

async function receive(
  claim: Claim,
  { response, url, watch }: Answer<ByteAnswer>,
  target: RangeTarget,
  signal: AbortSignal,
  { now }: HubContext,
): Promise<void> {
  const { what } = target.file;
  const writer = new RangeWriter(claim.position, target.pool, target);
  let sentAt = now();
  const take = (bytes: Uint8Array): boolean | Promise<boolean> => {
    watch.count(bytes.length);
    target.count(bytes.length);
    // Another connection may have taken over the end of the claim meanwhile.
    const part = bytes.subarray(0, Math.max(0, claim.end - claim.position));
    claim.position += part.length;
    const behind = writer.append(part);
    if (behind === undefined) {
      // What a slow connection brings can be resumed from before a buffer is full.
      if (now() - sentAt >= SEND_EVERY_MS) {
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
    await watch.during(response.receive({ room: () => writer.room(), take }));
  } catch (thrown) {
    failure = thrown;
  }
  try {
    // First, so that nothing is read into memory that is given back.
    await response.cancel();
    await writer.flush();
  } finally {
    claim.position = writer.written;
    writer.release();
  }
  if (failure !== undefined) {
    signal.throwIfAborted();
    if (failure instanceof QuantscopeError) throw failure;
    throw new Transient(connectionError(what, watch.timedOut ? watch.signal.reason : failure, url));
  }
  if (claim.position < claim.end) {
    const why = `the connection ended at byte ${claim.position}, expected it to go on to ${claim.end}`;
    const hint = 'Try again: what is here will be used.';
    throw new Transient(new QuantscopeError('hub/short-body', `${what}: ${why}`, { hint }));
  }
}
