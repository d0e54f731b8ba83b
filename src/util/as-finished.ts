/**
 * Runs `work` on items, at most `limit` at a time, and yields each result as soon as it is there. Items are taken when
 * there is room for them, so that there may be any number.
 */
export async function* asFinished<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const finished: Promise<Result>[] = [];
  let running = 0;
  let wake = (): void => {};
  let hasMore = true;
  try {
    while (hasMore || running + finished.length > 0) {
      while (hasMore && running + finished.length < limit) {
        const { done, value } = await iterator.next();
        if (done === true) hasMore = false;
        else {
          const result = work(value);
          const settle = (): void => {
            running--;
            finished.push(result);
            wake();
          };
          running++;
          result.then(settle, settle);
        }
      }
      const result = finished.shift();
      if (result !== undefined) yield await result;
      else if (running > 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    if (hasMore) await iterator.return?.();
  }
}
