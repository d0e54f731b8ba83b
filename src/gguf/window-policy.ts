/** Holds the whole header of a model with a small vocabulary, and costs little beside a large one's. */
export const FIRST_WINDOW_BYTES = 256 * 1024;

/** A window of a local file: it stays in the core's cache, and few of them make up the largest headers. */
export const SLIDING_WINDOW_BYTES = 1024 * 1024;

/** What is fetched beyond a forecast: another request costs more than these bytes. */
const SLACK_BYTES = 48 * 1024;
const SLACK_SHARE = 0.03;

/**
 * Where the next window ends: at the forecast end of the header and a little beyond.
 * @param inHand bytes of the file that are there
 * @param largestEnd of the file, or what a header may take
 */
export function nextWindowEnd(
  neededEnd: number,
  forecastEnd: number,
  inHand: number,
  largestEnd: number,
): number {
  const forecast = Math.ceil(forecastEnd * (1 + SLACK_SHARE)) + SLACK_BYTES;
  return Math.min(largestEnd, Math.max(neededEnd, forecast, inHand + SLACK_BYTES));
}

/** Room that is taken beyond a window at most; pages that are never written cost no memory. */
const LARGEST_RESERVE_BYTES = 32 * 1024 * 1024;

/** How large a buffer to take when a window outgrows the present one: room to grow, so that few copies are made. */
export function bufferBytesFor(windowEnd: number, largestEnd: number): number {
  return Math.min(largestEnd, windowEnd * 4, windowEnd + LARGEST_RESERVE_BYTES);
}
