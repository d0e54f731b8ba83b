import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cardFacts } from '../../api/card/facts.ts';
import { type Family, openFamily } from '../../api/card/family.ts';
import { devicesOf } from '../../api/fit/device-catalogue.ts';
import { onPhones } from '../../api/fit/on-phones.ts';
import { readResultsFile } from '../../api/report/input.ts';
import { findDevice } from '../../device/profiles.ts';
import { chatTemplate, type GgufHeader, getString, getStrings, modelFacts } from '../../gguf/index.ts';
import { findModel } from '../../model/locate.ts';
import type { ModelHeader } from '../../model/model.ts';
import { isLocalRef, shownRef } from '../../model/ref.ts';
import { renderCard } from '../../report/card/card.ts';
import type { CardModel, CardProvenance } from '../../report/card/model.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Results, VariantResult } from '../../schema/results.ts';
import { messageOf, QuantscopeError, UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { CardOptions } from './command.ts';

const COMMON_CONTEXTS = [2048, 4096];
/** One of each kind: an iPhone of a small and one of a large memory, and three Android phones that were measured. */
const PHONES = ['iphone-13', 'iphone-15-pro', 'iphone-16', 'galaxy-s23', 'poco-x8-pro', 'poco-f8-ultra'];

interface Measured {
  readonly results: Results;
  readonly variant: VariantResult;
}

/** The card command's work: a ref or results to a header, phones and figures, and those to Markdown. */
export async function runCard(input: string, options: CardOptions, signal: AbortSignal): Promise<ExitCode> {
  await refuseToReplace(options);
  const isResults = input.toLowerCase().endsWith('.json');
  if (isResults && options.results !== undefined) {
    throw new UsageError('card/two-results', `${input} and --results ${options.results} are both results`, {
      hint: 'Name the model and one results file: quantscope card REF --results FILE.',
    });
  }
  const resultsPath = isResults ? input : options.results;
  const results = resultsPath === undefined ? null : (await readResultsFile(resultsPath)).results;
  const chosen = isResults && results !== null ? chosenVariant(results) : null;
  const family =
    chosen === null ? await openFamily(input, { signal, notice: tell }) : await openMeasured(chosen, signal);
  const measured = results === null ? null : { results, variant: chosen ?? variantOf(results, family) };
  if (family.notice !== null && !options.quiet) process.stderr.write(`${family.notice}\n`);
  const card = await cardModel(family, measured, options);
  const text = `${renderCard(card)}\n`;
  if (options.out === undefined) process.stdout.write(text);
  else await write(options.out, text, options);
  return EXIT.done;
}

/** A pause, or a fallback to the cache. */
function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The recommended one, or the only one. @throws UsageError `card/several` */
function chosenVariant({ variants, recommendation }: Results): VariantResult {
  const name = isAvailable(recommendation) ? recommendation.variant : undefined;
  const chosen =
    variants.find((variant) => variant.name === name) ?? (variants.length === 1 ? variants[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw new UsageError('card/several', `the results hold ${variants.length} variants and recommend none`, {
    hint: `Name the one: quantscope card ${variants[0]?.ref ?? 'REF'} --results FILE.`,
  });
}

async function openMeasured({ ref, name, file }: VariantResult, signal: AbortSignal): Promise<Family> {
  const hint = 'Name where the file is now: quantscope card REF --results FILE.';
  let model: ModelHeader;
  try {
    model = await (await findModel(ref, { signal, notice: tell })).header(signal);
  } catch (cause) {
    if (!(cause instanceof QuantscopeError)) throw cause;
    throw new UsageError(
      'card/model-gone',
      `the model of ${name}, ${ref}, cannot be read: ${cause.message}`,
      { cause, hint },
    );
  }
  if (model.bytes === file.bytes) return { ref, model, siblings: [], notice: null };
  const message = `${ref} has ${model.bytes} bytes, the results were measured with a file of ${file.bytes}`;
  throw new UsageError('card/other-model', message, { hint });
}

/** The results' row of this very file: as many bytes, and of two such the one of its ref. */
function variantOf({ variants }: Results, { ref, model: { bytes } }: Family): VariantResult {
  const same = variants.filter(({ file }) => file.bytes === bytes);
  const found = same.find((variant) => variant.ref === ref) ?? same[0];
  if (found !== undefined) return found;
  const known = variants.map(({ name, file }) => `${name} ${file.bytes}`).join(', ');
  throw new UsageError(
    'card/other-model',
    `the results have no variant of ${bytes} bytes, as ${ref} has: ${known}`,
    {
      hint: 'Give the results of this file, or leave --results out.',
    },
  );
}

async function cardModel(
  { ref, model: { header, files, bytes }, siblings }: Family,
  measured: Measured | null,
  options: CardOptions,
): Promise<CardModel> {
  const phones = await devicesOf(options.devices);
  const fileName = basename(files[0]?.path ?? shownRef(ref));
  const facts = cardFacts({ header, fileName, fileBytes: bytes, results: measured?.results ?? null, phones });
  const devices = (options.device.length > 0 ? options.device : PHONES).map((name) =>
    findDevice(name, phones),
  );
  const contexts = contextsOf(facts.model.contextLength, options.context);
  const contextSize = options.context ?? Math.min(facts.model.contextLength ?? 4096, 2048);
  const named = [{ name: facts.quantization.label.label, ref, header }];
  const isModel = facts.memory(contextSize, 'f16') !== null;
  return {
    tool: `quantscope ${packageVersion()}`,
    // Where a file lies on this machine is nobody's business.
    ref: isLocalRef(ref) && existsSync(ref) ? fileName : shownRef(ref),
    facts,
    provenance: provenanceOf(header),
    chatTemplate: chatTemplate(header) ?? null,
    contexts,
    phones: isModel ? onPhones(named, [...new Set(devices)], phones, { contextSize, cacheType: 'f16' }) : [],
    measured,
    siblings,
  };
}

/** Common sizes up to the model's own, that one where it is no larger than a phone's, and the one asked for. */
function contextsOf(trained: number | undefined, asked: number | undefined): number[] {
  const own = trained ?? 4096;
  const sizes = [
    ...COMMON_CONTEXTS.filter((size) => size < own),
    Math.min(own, 8192),
    ...(asked === undefined ? [] : [asked]),
  ];
  return [...new Set(sizes)].filter((size) => size > 0).sort((a, b) => a - b);
}

function provenanceOf(header: GgufHeader): CardProvenance {
  const text = (key: string): string | null => getString(header, key) ?? null;
  const address = text('general.base_model.0.repo_url') ?? '';
  const [baseModel = null] = modelFacts(header).baseModels;
  return {
    license: text('general.license'),
    licenseLink: text('general.license.link'),
    author: text('general.author') ?? text('general.organization'),
    quantizedBy: text('general.quantized_by'),
    baseRepository: /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)$/.exec(address)?.[1] ?? null,
    baseModel: text('general.base_model.0.name') ?? baseModel,
    languages: getStrings(header, 'general.languages') ?? [],
    tags: getStrings(header, 'general.tags') ?? [],
  };
}

/** @throws UsageError `card/exists` */
async function refuseToReplace({ out, force = false }: CardOptions): Promise<void> {
  if (out === undefined || force) return;
  const isThere = await access(out).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new UsageError('card/exists', `${out} is there already`, {
    hint: 'Name another file with --out, or replace it with --force.',
  });
}

async function write(path: string, text: string, { quiet = false }: CardOptions): Promise<void> {
  try {
    await writeFileAtomic(path, text);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Name another file with --out.',
    });
  }
  if (!quiet) process.stderr.write(`The card is in ${path}\n`);
}
