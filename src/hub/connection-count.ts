import type { HubContext } from './context.ts';

/** Pieces smaller than this are not worth a request of their own. */
export const LEAST_PIECE_BYTES = 1024 * 1024;

const MOST_AUTO_CONNECTIONS = 4;
/** A further connection has to pay by so much. */
const LEAST_GAIN = 1.25;
const MEASURE_MS = 250;
/** What is left takes no longer than finding out would. */
const LEAST_LEFT_MS = 1500;

/** The connections of a download, as those see them who decide how many there are. */
export interface Connections {
  readonly active: number;
  /** At most so many go on after the range that they work on. */
  wanted: number;
  /** Whether the server sends parts of the file. */
  readonly canSplit: boolean;
  readonly receivedBytes: number;
  readonly missingBytes: number;
  readonly start: (count: number) => void;
}

/**
 * Adds connections to the first one: up to the number asked for as soon as that works, or for `auto` as long as each
 * doubling makes the download faster. Resolves when nothing is left to decide.
 */
export async function addConnections(
  asked: number | 'auto',
  connections: Connections,
  signal: AbortSignal,
  context: HubContext,
): Promise<void> {
  const pause = async (milliseconds: number): Promise<void> => {
    if (!signal.aborted) await context.sleep(milliseconds, signal).catch(() => {});
  };
  /** Bytes per millisecond over a while. */
  const measure = async (): Promise<number> => {
    const [from, at] = [connections.receivedBytes, context.now()];
    await pause(MEASURE_MS);
    return (connections.receivedBytes - from) / Math.max(1, context.now() - at);
  };
  const isWorthSplitting = (): boolean =>
    connections.canSplit && connections.active > 0 && connections.missingBytes > 2 * LEAST_PIECE_BYTES;

  while (connections.receivedBytes === 0 && connections.active > 0) await pause(20);
  if (asked !== 'auto') {
    if (isWorthSplitting()) connections.start(asked);
    return;
  }
  let rate = await measure();
  while (connections.wanted < MOST_AUTO_CONNECTIONS && isWorthSplitting()) {
    if (rate === 0 || connections.missingBytes / rate < LEAST_LEFT_MS) return;
    const before = connections.wanted;
    connections.start(before * 2);
    await pause(100);
    const faster = await measure();
    if (faster < rate * LEAST_GAIN) {
      connections.wanted = before;
      return;
    }
    rate = faster;
  }
}
