import type { Writable } from 'node:stream';
import {
  jsonScalar,
  type ModelHeader,
  templatesOf,
  vocabularyOf,
  vocabularySizeOf,
} from '../../api/inspect/facts.ts';
import { readInspection } from '../../api/inspect/inspect.ts';
import { isGgufError } from '../../gguf/errors.ts';
import type { MetadataValue } from '../../gguf/header.ts';
import { findModel } from '../../model/locate.ts';
import { diffableLines } from '../../report/inspection-diffable.ts';
import {
  layerList,
  metadataLines,
  shownScalar,
  tensorLines,
  vocabularyLines,
} from '../../report/inspection-lists.ts';
import { renderInspection } from '../../report/inspection-page.ts';
import { harmlessJson, harmlessJsonLines, visible, visibleLines } from '../../report/inspection-text.ts';
import { pageLayout, type TextLayout } from '../../report/table-text.ts';
import type { Inspection } from '../../schema/inspection.ts';
import { isQuantscopeError, UsageError } from '../../util/errors.ts';
import { inOrder } from '../../util/in-order.ts';
import { formatCount } from '../../util/units.ts';
import { describeError, EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless, printErrorDocument, reportDamaged, stdoutStyle } from '../output.ts';

export interface InspectOptions {
  metadata?: boolean;
  tensors?: boolean;
  layers?: boolean;
  key?: string;
  vocab?: boolean;
  template?: boolean;
  diffable?: boolean;
  json?: boolean;
  ndjson?: boolean;
  context: number[];
  plan?: boolean;
}

const ADVICE = 'The file is damaged or not a GGUF file: download it again, or convert the model again.';
/** Models that are read at the same time, where there are several. */
const READ_AT_ONCE = 4;

type Read = Awaited<ReturnType<typeof readInspection>>;

/** The inspect command's work: refs to headers to what is printed, in the order of the refs. */
export async function runInspect(
  refs: readonly string[],
  options: InspectOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (refs.length > 1 && options.json) {
    throw new UsageError('inspect/several', `--json is one document, and there are ${refs.length} models`, {
      hint: 'Use --ndjson: a line for each.',
    });
  }
  const { stdout } = process;
  const layout = pageLayout({ style: await stdoutStyle(), width: stdout.columns || 100 });
  const faults = new Set<ExitCode>();
  let isFirst = true;
  for await (const read of inOrder(refs, READ_AT_ONCE, (ref) => readModel(ref, options, signal))) {
    try {
      if (read instanceof Error) throw read;
      const parts = await partsOf(read.header, read.inspection, options, layout);
      if (!isFirst && !options.ndjson) stdout.write('\n');
      await write(stdout, joined(parts), signal);
      isFirst = false;
    } catch (thrown) {
      // One model that is not there or broken says nothing of the others.
      if (refs.length === 1 && !isGgufError(thrown)) throw thrown;
      if (!isQuantscopeError(thrown)) throw thrown;
      if (isGgufError(thrown)) faults.add(reportDamaged(thrown, ADVICE, options));
      else {
        process.stderr.write(describeError(thrown, false));
        if (options.ndjson) printErrorDocument(thrown, 0);
        faults.add(EXIT.usage);
      }
    }
  }
  if (faults.has(EXIT.usage)) return EXIT.usage;
  return faults.has(EXIT.finding) ? EXIT.finding : EXIT.done;
}

/** What was read, or why not. */
async function readModel(ref: string, options: InspectOptions, signal: AbortSignal): Promise<Read | Error> {
  const { context, plan = false, key, vocab = false, json = false, ndjson = false } = options;
  const request = {
    context,
    plan,
    vocabulary: vocab && (json || ndjson),
    ...(key === undefined ? {} : { key }),
  };
  try {
    await using model = await (await findModel(ref, { signal, notice: noticeUnless(false) })).open();
    return await readInspection(ref, model, request, signal);
  } catch (thrown) {
    if (isQuantscopeError(thrown) && !signal.aborted) return thrown;
    throw thrown;
  }
}

/** What was asked for, each part as its lines; the page where nothing in particular was. */
async function partsOf(
  header: ModelHeader,
  inspection: Inspection,
  options: InspectOptions,
  layout: TextLayout,
): Promise<Iterable<string>[]> {
  if (options.json || options.ndjson) {
    if (options.key !== undefined) requireKey(header, options.key);
    return [options.ndjson ? [harmlessJson(inspection, 0)] : harmlessJsonLines(inspection)];
  }
  const parts: Iterable<string>[] = [];
  if (options.key !== undefined) parts.push(valueLines(requireKey(header, options.key)));
  if (options.template) parts.push(templateLines(header, layout));
  if (options.metadata) parts.push(metadataLines(inspection, layout));
  if (options.layers) parts.push(layerList(inspection, layout));
  if (options.tensors) parts.push(tensorLines(inspection, layout));
  if (options.diffable) parts.push(diffableLines(inspection, await arrayDigest(header)));
  if (options.vocab) parts.push(vocabularyLines(vocabularyOf(header), vocabularySizeOf(header), layout));
  return parts.length > 0 ? parts : [[renderInspection(inspection, layout)]];
}

/** Parts one below the other, an empty line between two. */
function* joined(parts: readonly Iterable<string>[]): Generator<string> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) yield '';
    yield* part;
  }
}

/** Elements of an array that are printed; a script that wants the rest takes JSON. */
const SHOWN_ELEMENTS = 1000;

function* valueLines(value: MetadataValue): Generator<string> {
  if (value.type !== 'array') {
    yield typeof value.value === 'string' ? visibleLines(value.value) : String(value.value);
    return;
  }
  const { length, elementType } = value.value;
  const shown = value.value.slice(0, SHOWN_ELEMENTS);
  for (const element of shown) yield shownScalar(jsonScalar(element), elementType);
  if (length > shown.length) {
    yield `… and ${formatCount(length - shown.length)} more ${elementType} elements: --json has them all`;
  }
}

function requireKey(header: ModelHeader, key: string): MetadataValue {
  const value = header.metadata.get(key);
  if (value !== undefined) return value;
  const like = [...header.metadata.keys()].filter(
    (other) => other.endsWith(`.${key}`) || other.startsWith(`${key}.`),
  );
  const hint =
    like.length > 0
      ? `Keys like it: ${like.slice(0, 5).map(visible).join(', ')}.`
      : '--metadata lists the keys of the file.';
  throw new UsageError('inspect/no-key', `the file has no key "${visible(key)}"`, { hint });
}

function templateLines(header: ModelHeader, { style }: TextLayout): string[] {
  const templates = templatesOf(header);
  if (templates.length === 0) {
    throw new UsageError('inspect/no-template', 'the file has no chat template', {
      hint: 'Prompts go to this model as plain text.',
    });
  }
  return templates.flatMap(({ name, text }) => [
    ...(templates.length > 1 ? [style.bold(`# ${name === '' ? 'default' : visible(name)}`)] : []),
    visibleLines(text),
  ]);
}

/** Hashes of arrays, by their bytes in the file. */
async function arrayDigest({ metadata }: ModelHeader): Promise<(key: string) => string> {
  const { createHash } = await import('node:crypto');
  return (key) => {
    const value = metadata.get(key);
    const hash = createHash('sha256');
    if (value?.type === 'array') for (const piece of value.value.pieces()) hash.update(piece);
    return hash.digest('hex');
  };
}

const CHUNK_CHARACTERS = 64 * 1024;

/** Writes lines as fast as they are taken: a vocabulary never stands in memory as text. */
async function write(stream: Writable, lines: Iterable<string>, signal: AbortSignal): Promise<void> {
  let chunk = '';
  const flush = async () => {
    signal.throwIfAborted();
    const text = chunk;
    chunk = '';
    if (text !== '' && !stream.write(text)) await new Promise((resolve) => stream.once('drain', resolve));
  };
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length >= CHUNK_CHARACTERS) await flush();
  }
  await flush();
}
