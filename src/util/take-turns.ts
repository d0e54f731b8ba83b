/** One item of each list in turn while they last: `[a, b], [c]` is `a, c, b`. */
export function takeTurns<Item>(lists: readonly (readonly Item[])[]): Item[] {
  const most = lists.reduce((longest, { length }) => Math.max(longest, length), 0);
  return Array.from({ length: most }, (_, turn) =>
    lists.flatMap((list) => list.slice(turn, turn + 1)),
  ).flat();
}
