import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngineProcess } from '../../engine/index.ts';
import type { TensorType } from '../../gguf/index.ts';
import { sha256OfFiles } from '../../measure/file-hash.ts';
import type { ModelHeader } from '../../model/model.ts';
import { importanceOf } from '../../quantize/imatrix-file.ts';
import { tensorTypeOf } from '../../quantize/recipes.ts';
import type { MixResults } from '../../schema/mix.ts';
import { UsageError } from '../../util/errors.ts';
import { writeOutput } from '../../util/output-file.ts';
import { formatDuration } from '../../util/units.ts';
import { hostOf } from '../host.ts';
import { oneModelFor } from '../local-models.ts';
import { openWorkshop, requireSpace } from '../quantize/outputs.ts';
import { isQuantized, plannedBytes } from '../quantize/plan.ts';
import { type Settings, settingsOf } from '../quantize/settings.ts';
import { measureBeside, stockBeside } from './beside.ts';
import { choose } from './choice.ts';
import { keepMix, marked, marksOf, mixPaths, OUT_HINT, typesOfMix, writeMix } from './files.ts';
import { budgetOf, goalOf, goalText, labelOf, requirePossible } from './goal.ts';
import { bytesOf, type Candidates, candidateGroups } from './groups.ts';
import { Journal, type JournalKey } from './journal.ts';
import { phoneLimits } from './phone.ts';
import { MIX_DEFAULTS, type MixRequest } from './request.ts';
import { documentOf, verdictOf } from './results.ts';
import { stockOf } from './stock.ts';
import { Survey, surveyErrors } from './survey.ts';
import { digestOf } from './texts.ts';
import { measureFile, openWorkbench, type Workbench } from './workbench.ts';
import type { FilledRequest, Workplace } from './workplace.ts';

/**
 * What `mix` does: measures what each tensor, or group of tensors, loses at each type it can have, chooses the types that
 * lose least within a size (or take least within a loss), writes the file, and measures it beside stock recipes of about
 * its size on text that the choice did not see.
 * @param ref a model in F32, F16 or BF16
 * @returns null of a share: what it measured is in its journal
 * @throws UsageError `mix/*`, `quantize/*`; EngineError; the signal's reason
 */
export async function makeMix(
  ref: string,
  asked: MixRequest & { readonly shard: NonNullable<MixRequest['shard']> },
): Promise<null>;
export async function makeMix(ref: string, asked?: MixRequest): Promise<MixResults>;
export async function makeMix(ref: string, asked: MixRequest = {}): Promise<MixResults | null> {
  const started = performance.now();
  const { context, timeout } = MIX_DEFAULTS;
  const request: FilledRequest = { context, timeout, ...asked };
  const host = hostOf(asked);
  const goal = goalOf(request);
  const settings = await settingsOf(quantizeRequest(request), host.signal);
  const model = await oneModelFor(ref, 'mix', host);
  const source = await model.header(host.signal);
  requireFloats(source, request);
  const paths = await mixPaths(model, labelOf(goal), request);
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-mix-'));
  try {
    await using session = await startEngineProcess({
      gpu: 'off',
      callTimeoutMs: request.timeout * 1000,
      signal: host.signal,
    });
    const like = goal.kind === 'like' ? goal.recipe : MIX_DEFAULTS.like;
    const stock = await stockOf(session, model, source, like, settings);
    const budgetBytes = budgetOf(goal, stock.bytes, source);
    await using workshop = await openWorkshop(paths.file);
    await requireSpace(paths.folder, budgetBytes ?? stock.bytes);
    const place = {
      ...{ session, model, source, settings, request, host, goal },
      ...{ paths, scratch, stock, budgetBytes },
    };
    return await run(place, workshop.path, started);
  } catch (thrown) {
    if (host.signal.aborted && existsSync(paths.journal)) {
      host.notice(
        `What was measured is kept in ${paths.journal}: the same command${request.resume === true ? '' : ' with --resume'} goes on with it.`,
      );
    }
    throw thrown;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function run(place: Workplace, workshop: string, started: number): Promise<MixResults | null> {
  const { session, model, source, settings, request, host, goal, paths, stock } = place;
  const importance = new Map(
    settings.imatrix === null ? [] : importanceOf(settings.imatrix).map(({ name, values }) => [name, values]),
  );
  const phone = await phoneLimits(request, source, stock.types);
  const possible = candidateGroups(source.header.tensors, {
    names: new Set(stock.types.keys()),
    important: new Set(importance.keys()),
    allowed: allowedTypes(request, phone?.types ?? null),
  });
  requireChoice(possible);
  if (place.budgetBytes !== null) {
    const sizes = possible.map(({ tensors, types }) => types.map((type) => bytesOf(tensors, type)));
    requirePossible(sizes, fixedBytesOf(place, settings, possible), place.budgetBytes);
  }
  const bench = await openWorkbench({
    ...{ session, model, source, importance, request, scratch: place.scratch },
    onChunk: (done, total) =>
      host.progress({ kind: 'step', subject: 'source', stage: 'evaluating', done, total }),
  });
  // What no evaluation uses can be changed for nothing, but not be measured.
  const candidates = possible.filter(({ tensors }) => tensors.every(({ name }) => bench.tensors.has(name)));
  const marks = marksOf(goalText(goal), digestOf(bench.choice));
  const writing = marked(settings, marks);
  const fixedBytes = fixedBytesOf(place, writing, candidates);
  const journal = await Journal.open(paths.journal, await keyOf(place, bench), [
    ...(request.resume === true && existsSync(paths.journal) ? [paths.journal] : []),
    ...(request.measured ?? []),
  ]);
  const groups = await surveyErrors(bench, candidates, (done) =>
    host.progress({ kind: 'step', subject: 'weights', stage: 'errors', done, total: candidates.length }),
  );
  tellTime(place, bench, groups.length);
  const survey = new Survey(bench, groups, {
    journal,
    onMeasure: (group, type, done, left) =>
      host.progress({ kind: 'step', subject: group, stage: type, done, total: done + left }),
  });
  if (request.shard !== undefined) {
    const { index, count } = request.shard;
    await survey.measureAll((group) => group % count === index - 1);
    return null;
  }
  const chosen = await choose({ place, bench, survey, phone, fixedBytes, journal });
  const beside = await stockBeside(place, fixedBytes + chosen.mix.bytes);
  const others = await measureBeside(place, { bench, chosen, beside, fixedBytes, journal });
  await session.unload();
  const { compared } = beside;
  const { recipe } = compared.plan;
  const types = typesOfMix(chosen.offered, chosen.mix);
  const file = join(workshop, 'mix.gguf');
  await requireSpace(paths.folder, fixedBytes + chosen.mix.bytes);
  await writeMix(session, model.path, file, recipe, types, writing);
  const measured = await measureFile(session, file, bench.test, request);
  const { size: bytes } = await stat(file);
  host.progress({ kind: 'idle' });
  const verdict = verdictOf(measured.klds, others[0]?.klds ?? measured.klds);
  const written =
    verdict === 'better' || request.always === true
      ? await keepMix(workshop, paths, { types, recipe, model, marks, request })
      : null;
  const rows = [
    ...others,
    { kind: 'mix', name: 'mix', bytes, predictedKld: chosen.mix.loss, ...measured } as const,
  ];
  const results = documentOf(place, {
    ...{ bench, chosen, compared, rows, fixedBytes, phone, verdict, written, journal },
    durationMs: performance.now() - started,
  });
  if (written !== null) {
    await writeOutput(paths.results, `${JSON.stringify(results, null, 2)}\n`, OUT_HINT);
  }
  return results;
}

function quantizeRequest({ imatrix, threads, allowRequantize }: MixRequest) {
  return {
    ...(imatrix === undefined ? {} : { imatrix }),
    ...(threads === undefined ? {} : { threads }),
    ...(allowRequantize === undefined ? {} : { allowRequantize }),
  };
}

function requireFloats({ header }: ModelHeader, { allowRequantize }: MixRequest): void {
  const quantized = header.tensors.find(({ type }) => isQuantized(type));
  if (quantized === undefined) return;
  throw new UsageError(
    'mix/source',
    `the source is quantized already: ${quantized.name} is ${quantized.type}`,
    {
      hint:
        allowRequantize === true
          ? 'Types are tried in place of floats: make those first, quantscope quantize SOURCE F16 --allow-requantize, and mix that.'
          : 'Take the F16 or BF16 file of the model.',
    },
  );
}

/** @throws UsageError `mix/types` */
function allowedTypes(
  { types }: MixRequest,
  ofPhone: ReadonlySet<TensorType> | null,
): ReadonlySet<TensorType> | null {
  if (types === undefined) return ofPhone;
  const asked = types.map((name) => {
    const type = tensorTypeOf(name);
    if (type !== undefined && isQuantized(type)) return type;
    throw new UsageError('mix/types', `--types ${name}: no quantized tensor type`, {
      hint: 'Types as ggml calls them: Q4_K, Q5_0, IQ4_XS.',
    });
  });
  return new Set(asked.filter((type) => ofPhone === null || ofPhone.has(type)));
}

/** What the file takes beside the tensors that are chosen for. */
function fixedBytesOf(
  { stock, source }: Workplace,
  writing: Settings,
  candidates: readonly Candidates[],
): number {
  const chosen = new Set(candidates.flatMap(({ tensors }) => tensors.map(({ name }) => name)));
  const others = stock.plan.tensors.filter(({ tensor }) => !chosen.has(tensor.name));
  return plannedBytes({ ...stock.plan, tensors: others }, source, writing);
}

function requireChoice(candidates: readonly Candidates[]): void {
  if (candidates.some(({ types }) => types.length > 1)) return;
  throw new UsageError('mix/no-choice', 'there is no tensor that could have one of several types', {
    hint: 'Rows of the model are no multiple of 32, or --types or --device leave one type: quantscope quantize makes what there is.',
  });
}

/** What a loss depends on. */
async function keyOf({ model, request, session }: Workplace, bench: Workbench): Promise<JournalKey> {
  const files = (await model.files()).map(({ location }) => location);
  return {
    source: await sha256OfFiles(files),
    text: digestOf(bench.choice),
    imatrix: request.imatrix === undefined ? null : await sha256OfFiles([request.imatrix]),
    engine: `${session.info.llamaCpp} ${session.info.build}`,
  };
}

/** Measurements that a group takes, as seen on most models. */
const MEASUREMENTS_OF_A_GROUP = 3.5;
/** Texts that are measured on at the end: the mix, two neighbours, three recipes. */
const FINAL_MEASUREMENTS = 6;

function tellTime({ host, request }: Workplace, bench: Workbench, groups: number): void {
  const [choice, test] = [bench.choice.planned.chunks.length, bench.test.planned.chunks.length];
  const share = request.shard === undefined ? 1 : 2.5 / request.shard.count;
  const evaluations = groups * MEASUREMENTS_OF_A_GROUP * choice * share;
  const final = request.shard === undefined ? FINAL_MEASUREMENTS * test : 0;
  host.notice(
    `About ${Math.round(groups * MEASUREMENTS_OF_A_GROUP * share)} measurements of ${choice} chunks: ` +
      `${formatDuration((evaluations + final) * bench.chunkMs)}, as a chunk takes ${formatDuration(bench.chunkMs)} here.`,
  );
}
