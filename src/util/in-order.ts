/** Runs `work` on items, at most `limit` at a time, and yields the results in the items' order. */
export async function* inOrder<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncIterable<Result> {
  const running: Promise<Result>[] = [];
  let next = 0;
  const startMore = (): void => {
    while (next < items.length && running.length < limit) {
      const item = items[next++];
      if (item === undefined) continue;
      const result = work(item);
      // It is awaited later; until then a rejection is not unhandled.
      result.catch(() => undefined);
      running.push(result);
    }
  };
  startMore();
  for (let first = running.shift(); first !== undefined; first = running.shift()) {
    startMore();
    yield await first;
    startMore();
  }
}
