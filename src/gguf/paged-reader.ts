/** Yields bytes [start, end) of the file once more, whenever. */
export type ReadAgain = (start: number, end: number) => Uint8Array;

const PAGE_BYTES = 1024 * 1024;
/** Arrays of a vocabulary are walked beside each other: tokens, scores, types. */
const MOST_PAGES = 4;

/**
 * Reads by pages of a megabyte, of which the last few are kept: a header may have thousands of short arrays, and each
 * read opens the file.
 */
export function pagedReader(readAgain: ReadAgain, fileBytes: number): ReadAgain {
  /** The one used last comes last. */
  const pages: { readonly start: number; readonly bytes: Uint8Array }[] = [];
  return (start, end) => {
    if (end - start >= PAGE_BYTES) return readAgain(start, end);
    const index = pages.findIndex((page) => start >= page.start && end <= page.start + page.bytes.length);
    const page = pages.splice(index, index < 0 ? 0 : 1)[0] ?? {
      start,
      bytes: readAgain(start, Math.min(fileBytes, start + PAGE_BYTES)),
    };
    pages.push(page);
    if (pages.length > MOST_PAGES) pages.shift();
    return page.bytes.subarray(start - page.start, end - page.start);
  };
}
