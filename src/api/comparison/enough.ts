import { engineStarter } from '../../engine/index.ts';
import type { ComparisonInput } from '../../measure/comparison-plan.ts';
import type { NamedText } from '../../measure/domains.ts';
import { isOwn } from '../../measure/share.ts';
import { chunksOf } from '../../measure/text-evaluation.ts';
import { partsOf } from '../../measure/variant-plan.ts';
import type { Settings } from '../../schema/results.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';

/** More than tokens of ordinary text have: a text with so many for each is long enough without a look. */
const MOST_BYTES_A_TOKEN = 16;

const FEWEST_CHUNKS = 2;

/** The longest that reading a vocabulary may take. */
const LOOK_MS = 60_000;

type Input = Pick<
  ComparisonInput,
  'variants' | 'settings' | 'text' | 'share' | 'saved' | 'taskItems' | 'choiceItems' | 'toolItems'
>;

/**
 * Says before anything is measured that the text is too short, or that nothing falls to the shard. Of the first model
 * only the vocabulary is read, and that only where it could be.
 * @throws UsageError `measure/text-too-short`, `usage/shard`
 */
export async function requireEnoughToMeasure(input: Input, signal: AbortSignal): Promise<void> {
  const { settings, share, saved, text, taskItems, choiceItems, toolItems, variants } = input;
  const parts = partsOf(settings);
  if (!settings.only.includes('accuracy')) return;
  const { contextSize, chunks } = settings.evaluation;
  const texts = typeof text === 'string' ? [{ name: settings.evaluation.text, text }] : text;
  const isLong = texts.every((each) => isSurelyEnough(each, contextSize));
  const path = variants.find(({ described }) => !(described instanceof QuantscopeError))?.path;
  if (path === undefined || (isLong && share === null)) return;
  let count = 0;
  if (parts.includes('text') && saved === undefined) {
    count = await chunksIn(path, texts, { text, contextSize, chunks }, signal);
  }
  if (share === null) return;
  const tasks = parts.includes('tasks') ? taskItems.length : 0;
  const choices = parts.includes('choices') ? choiceItems.length : 0;
  const tools = parts.includes('tools') ? toolItems.length : 0;
  const most = Math.max(count, tasks, choices, tools, saved?.chunks.length ?? 0);
  if (Array.from({ length: most }, (_, unit) => unit).some((unit) => isOwn(share, unit))) return;
  throw new UsageError(
    'usage/shard',
    `nothing falls to shard ${share.index} of ${share.count}: there are ${count} chunks of text, ${tasks} tasks, ${choices} questions of multiple choice and ${tools} tool calls`,
    { hint: `Ask for at most ${Math.max(1, most)} shards, or give more text or tasks.` },
  );
}

/**
 * The same for one model and one text.
 * @throws UsageError `measure/text-too-short`
 */
export async function requireEnoughText(
  path: string,
  text: NamedText,
  options: Pick<Settings['evaluation'], 'contextSize' | 'chunks'>,
  signal: AbortSignal,
): Promise<void> {
  if (isSurelyEnough(text, options.contextSize)) return;
  await chunksIn(path, [text], { ...options, text: text.text }, signal);
}

function isSurelyEnough({ text }: NamedText, contextSize: number): boolean {
  return Buffer.byteLength(text) >= FEWEST_CHUNKS * contextSize * MOST_BYTES_A_TOKEN;
}

async function chunksIn(
  path: string,
  texts: readonly NamedText[],
  plan: Parameters<typeof chunksOf>[2],
  signal: AbortSignal,
): Promise<number> {
  for (const each of texts) requireBytes(each, plan.contextSize);
  await using session = await engineStarter()({ gpu: 'off', callTimeoutMs: LOOK_MS, signal });
  const model = await session.loadModel({ path, gpuLayers: 0, vocabularyOnly: true });
  return (await chunksOf(session, model, plan)).chunks.length;
}

/** No tokenizer makes more tokens than there are bytes, but for one before them. */
function requireBytes({ name, text }: NamedText, contextSize: number): void {
  const most = Buffer.byteLength(text);
  if (most + 2 >= FEWEST_CHUNKS * contextSize) return;
  throw new UsageError(
    'measure/text-too-short',
    `${name} has ${most} bytes, which are fewer tokens than ${FEWEST_CHUNKS} chunks of ${contextSize}`,
    { hint: 'Give a longer text with --text, or shorter chunks with --context.' },
  );
}
