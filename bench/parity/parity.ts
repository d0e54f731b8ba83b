/**
 * quantscope beside llama.cpp's own tools, built from the source that its engine was built from: speed, perplexity,
 * KL divergence, time and memory on the same files, by turns, with what must hold.
 *
 *     npm run build && npm run bench:parity -- [options]
 *
 *     --only nano,smollm2,gemma3,20m,phi3-mini    models (default: nano,20m, and the real ones where they are: npm run
 *                                 real-models; phi3-mini is 3.8B parameters: 14 GB of disk at first, 6.5 after, and
 *                                 most of an hour)
 *     --measure speed,accuracy    (default: both)
 *     --rounds N                  alternating runs of each side (default: 3)
 *     --chunks N                  of text, instead of each model's own number
 *     --threads N                 (default: all cores)
 *     --native                    also the speed of llama.cpp compiled for this machine, and of quantscope on a local
 *                                 build of its engine (quantscope engine build) where there is one
 *     --json FILE, --markdown FILE    also write the rows there
 *     --cache FOLDER              for compiled tools and models
 *
 * Exit code: 0 all that must hold does, or the peer cannot be built here; 1 something does not.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { withoutRealModels } from '../../test/helpers/real-models.ts';
import { exactDivergence } from './exact.ts';
import { buildTools, findSource, type PeerBuild } from './llama-cpp.ts';
import {
  measureDivergence,
  measureGrowth,
  measurePerplexity,
  measureSpeed,
  type Plan,
  type Sides,
} from './measure.ts';
import { hasLocalBuild, ourSide } from './ours.ts';
import { peerSide } from './peer.ts';
import type { Row } from './rows.ts';
import { prepareSubject, SUBJECT_NAMES, type Subject } from './subjects.ts';
import { markdownTable, textTable } from './table.ts';

const { values: options } = parseArgs({
  options: {
    only: {
      type: 'string',
      default: withoutRealModels === null ? 'nano,smollm2,gemma3,20m' : 'nano,20m',
    },
    measure: { type: 'string', default: 'speed,accuracy' },
    rounds: { type: 'string', default: '3' },
    chunks: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    native: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
    cache: { type: 'string', default: envPaths('quantscope', { suffix: '' }).cache },
  },
});

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const names = listOf(options.only, SUBJECT_NAMES);
  const parts = listOf(options.measure, ['speed', 'accuracy'] as const);
  const source = await findSource();
  if ('missing' in source) {
    say(`skipped: ${source.missing}`);
    return 0;
  }
  const tools = async (build: PeerBuild) => {
    say(`llama.cpp ${source.release}, ${build} build`);
    return buildTools(source, build, options.cache);
  };
  const likeOurs = await tools('prebuilt');
  const sides: Sides = {
    ours: ourSide('prebuilt'),
    peer: peerSide(likeOurs),
    exact: await exactDivergence(source, options.cache),
    native: options.native ? peerSide(await tools('native')) : null,
    local: options.native && (await hasLocalBuild()) ? ourSide('local') : null,
  };
  const plan: Plan = {
    rounds: Number(options.rounds),
    threads: Number(options.threads),
    promptTokens: 512,
    generationTokens: 128,
  };
  const rows: Row[] = [];
  const add = async (measured: Promise<Row[]>) => {
    rows.push(...(await measured));
    save(rows, source.release, plan);
  };
  for (const name of names) {
    const prepared = await prepareSubject(name, likeOurs, join(options.cache, 'parity-models'));
    const chunks = options.chunks === undefined ? prepared.chunks : Number(options.chunks);
    const subject: Subject = { ...prepared, chunks };
    for (const file of subject.candidates) {
      if (parts.includes('speed')) await add(measureSpeed(subject, file, sides, plan, say));
      if (!parts.includes('accuracy')) continue;
      await add(measurePerplexity(subject, file, sides, plan, say));
      await add(measureDivergence(subject, file, sides, plan, say));
    }
    const last = subject.candidates.at(-1);
    if (name === '20m' && last !== undefined && parts.includes('accuracy')) {
      await add(measureGrowth(subject, last, sides, plan, say));
    }
  }
  process.stdout.write(textTable(rows));
  const failed = rows.filter(({ verdict }) => verdict === 'fail');
  say(failed.length === 0 ? 'all that must hold does' : `${failed.length} of ${rows.length} do not hold`);
  return failed.length === 0 ? 0 : 1;
}

function save(rows: readonly Row[], llamaCpp: string, plan: Plan): void {
  if (options.markdown !== undefined) writeFileSync(options.markdown, markdownTable(rows));
  if (options.json === undefined) return;
  const { model: cpu } = cpus()[0] ?? { model: 'unknown' };
  const machine = { os: process.platform, arch: process.arch, cpu, cores: availableParallelism() };
  const record = { createdAt: new Date().toISOString(), machine, llamaCpp, plan, rows };
  writeFileSync(options.json, `${JSON.stringify(record, null, 2)}\n`);
}

function listOf<Word extends string>(text: string, known: readonly Word[]): Word[] {
  const asked = text.split(',');
  const unknown = asked.find((word) => !known.some((each) => each === word));
  if (unknown !== undefined) throw new Error(`"${unknown}" is none of ${known.join(', ')}`);
  return known.filter((word) => asked.includes(word));
}

process.exitCode = await main();
