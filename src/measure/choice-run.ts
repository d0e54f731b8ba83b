import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { type TokenizedChoice, tokenizeChoices, tokensOf } from './choice-tokens.ts';
import type { ChoiceItem, ChoiceMeasure } from './choices.ts';
import type { ItemOutcome } from './task-run.ts';

/** Groups whose scores are asked for at once, so that progress can be told in between. */
const GROUPS_AT_ONCE = 32;

/** llama-perplexity's own: the tokens and the answers that it evaluates side by side. */
const SIDE_BY_SIDE = { tokens: 512, answers: 4 } as const;

/** An item by its place in the list, and as the engine scores it. */
interface PlacedChoice extends TokenizedChoice {
  readonly index: number;
  readonly item: ChoiceItem;
}

/**
 * Multiple choice: the model chooses by the log-probabilities of the answers; nothing is generated. Opens a context of
 * its own.
 * @param options the options to open it with, but for its size
 * @param isOwn which groups of items are this run's
 * @returns the outcomes of those items, in their order
 */
export async function runChoices(
  session: EngineSession,
  model: LoadedModel,
  items: readonly ChoiceItem[],
  chatTemplate: string | null,
  options: Omit<ContextOptions, 'contextSize' | 'sequences' | 'shared'>,
  onItem: (done: number, total: number) => void,
  isOwn: (group: number) => boolean = () => true,
): Promise<ItemOutcome[]> {
  const tokenized = await tokenizeChoices(session, model, items, chatTemplate);
  const placed = items.flatMap((item, index): PlacedChoice[] => {
    const choice = tokenized[index];
    return choice === undefined ? [] : [{ ...choice, index, item }];
  });
  const groups = groupsOf(placed).filter((_, index) => isOwn(index));
  const all = groups.map((group) => group.flatMap(({ parts }) => parts));
  const tokens = all.flat().map(tokensOf);
  await session.openContext({
    ...options,
    contextSize: Math.max(SIDE_BY_SIDE.tokens, ...tokens),
    sequences: Math.max(SIDE_BY_SIDE.answers, ...all.flat().map(({ continuations }) => continuations.length)),
    shared: true,
  });
  const total = groups.flat().length;
  const outcomes: ItemOutcome[] = [];
  for (let start = 0; start < groups.length; start += GROUPS_AT_ONCE) {
    const some = groups.slice(start, start + GROUPS_AT_ONCE);
    // Parts of one item that do not begin alike are not beside each other.
    const batches = some.flatMap((group) => {
      const parts = group.map((each) => each.parts);
      return parts.some(({ length }) => length > 1) ? parts.flat().map((part) => [part]) : [parts.flat()];
    });
    const scores = await session.scoreContinuations(batches);
    let at = 0;
    for (const { index, item, parts, chosen } of some.flat()) {
      outcomes.push(outcomeOf(item, index, chosen(scores.slice(at, at + parts.length))));
      at += parts.length;
    }
    onItem(outcomes.length, total);
  }
  return outcomes;
}

function outcomeOf(
  item: ChoiceItem,
  index: number,
  chosen: Readonly<Record<ChoiceMeasure, number>>,
): ItemOutcome {
  const [decisive] = item.measures;
  const isRight = (measure: ChoiceMeasure) => chosen[measure] === item.answer;
  return {
    item: index,
    correct: isRight(decisive),
    reply: item.choices[chosen[decisive]] ?? '',
    measures: Object.fromEntries(item.measures.map((measure) => [measure, isRight(measure)])),
  };
}

/** Items that llama-perplexity evaluates in one batch: as many as it has room for. All others are alone. */
function groupsOf(placed: readonly PlacedChoice[]): PlacedChoice[][] {
  const groups: PlacedChoice[][] = [];
  let [tokens, answers] = [0, 0];
  for (const each of placed) {
    const own = each.parts.reduce((sum, part) => sum + tokensOf(part), 0);
    const group = groups.at(-1);
    const isPeers = each.item.form.startsWith('llama');
    tokens += own;
    answers += each.item.choices.length;
    const fits = tokens <= SIDE_BY_SIDE.tokens && answers <= SIDE_BY_SIDE.answers;
    if (isPeers && fits && group?.at(-1)?.item.form === each.item.form) group.push(each);
    else {
      groups.push([each]);
      [tokens, answers] = [own, each.item.choices.length];
    }
  }
  return groups;
}
