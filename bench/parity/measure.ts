import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ExactDivergence } from './exact.ts';
import {
  type DivergenceAnswer,
  type PerplexityAnswer,
  type Side,
  type SpeedAnswer,
  STATISTICS,
  type TextRequest,
} from './measured.ts';
import { atMost, compareFigures, type Limit, type Row, within, withinPrinted } from './rows.ts';
import type { Subject } from './subjects.ts';

/** What must hold on every subject. */
const PERPLEXITY_SHARE = 1e-5;
const STATISTIC_SHARE = 0.001;
/** Digits that llama-perplexity prints. */
const PRINTED_DIGIT = { nats: 1e-6, percent: 1e-3, perplexity: 1e-6 } as const;
const FINAL_PERPLEXITY_DIGIT = 1e-4;
/** Not held by the smallest models: a bare Node process alone takes as much as llama-bench with 20 million parameters. */
const SPEED_PEAK = atMost(1.5);
/** A bare Node process takes more than a bare C++ one, whatever the model. */
const TEXT_PEAK = atMost(1.1, 100e6);
/** Twice the chunks must not cost memory: allocators differ by this much from run to run. */
const GROWTH_SHARE = 0.02;

export interface Plan {
  readonly rounds: number;
  readonly threads: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
}

/** Limits are judged between the first two, which are made alike. */
export interface Sides {
  readonly ours: Side;
  readonly peer: Side;
  readonly exact: ExactDivergence;
  /** The peer compiled for this machine; null where it is left out. */
  readonly native: Side | null;
  /** quantscope on an engine compiled for this machine; null where there is none. */
  readonly local: Side | null;
}
type Report = (doing: string) => void;

/** Prompt and generation rates and the peak of the process; without a limit, what compiling for the machine gains. */
export async function measureSpeed(
  subject: Subject,
  file: string,
  { ours, peer, native, local }: Sides,
  plan: Plan,
  report: Report,
): Promise<Row[]> {
  const { threads, promptTokens, generationTokens, rounds } = plan;
  const request = { file, threads, repetitions: subject.repetitions, promptTokens, generationTokens };
  const sides = [ours, peer, native, local].filter((side) => side !== null);
  const answers = await alternate<SpeedAnswer>(rounds, sides, (side, round) => {
    report(`${basename(file)}: speed, ${side.name}, round ${round} of ${rounds}`);
    return side.speed(request);
  });
  const what = { subject: subject.name, file: basename(file) };
  const { speed } = subject.limits;
  const rates = (figure: string, own: Side, other: Side, limit: Limit | null): Row[] =>
    (['prompt', 'generation'] as const).map((test) => {
      const name = test === 'prompt' ? `pp${promptTokens}` : `tg${generationTokens}`;
      const rate = (side: Side) => median(answersOf(answers, side).flatMap((answer) => answer[test]));
      return compareFigures(
        { ...what, figure: `${name}${figure}`, unit: 'tokens/s' },
        rate(own),
        rate(other),
        limit,
      );
    });
  return [
    ...rates('', ours, peer, speed === null ? null : within(speed)),
    ...(native === null ? [] : rates(', llama.cpp native', ours, native, null)),
    ...(native === null || local === null ? [] : rates(', both native', local, native, null)),
    compareFigures(
      { ...what, figure: 'peak memory, speed', unit: 'bytes' },
      peakOf(answersOf(answers, ours)),
      peakOf(answersOf(answers, peer)),
      SPEED_PEAK,
    ),
  ];
}

/** Perplexity, its time and its memory. */
export async function measurePerplexity(
  subject: Subject,
  file: string,
  { ours, peer }: Sides,
  { rounds, threads }: Plan,
  report: Report,
): Promise<Row[]> {
  const request = textRequest(subject, file, threads);
  const answers = await alternate<PerplexityAnswer>(rounds, [ours, peer], (side, round) => {
    report(`${basename(file)}: perplexity, ${side.name}, round ${round} of ${rounds}`);
    return side.perplexity(request);
  });
  const what = { subject: subject.name, file: basename(file) };
  const [own, theirs] = [answersOf(answers, ours), answersOf(answers, peer)];
  const value = (of: readonly PerplexityAnswer[]) => median(of.map(({ perplexity }) => perplexity));
  const { perplexityTime } = subject.limits;
  return [
    compareFigures(
      { ...what, figure: `perplexity, ${subject.chunks} chunks`, unit: 'perplexity' },
      value(own),
      value(theirs),
      withinPrinted(PERPLEXITY_SHARE, FINAL_PERPLEXITY_DIGIT),
    ),
    compareFigures(
      { ...what, figure: 'time of perplexity', unit: 'ms' },
      wallOf(own),
      wallOf(theirs),
      limitOf(perplexityTime),
    ),
    compareFigures(
      { ...what, figure: 'peak memory, perplexity', unit: 'bytes' },
      peakOf(own),
      peakOf(theirs),
      TEXT_PEAK,
    ),
  ];
}

/**
 * Divergence from the reference, its time and its memory; and from the very file that either side wrote, which must
 * give either the other's statistics.
 */
export async function measureDivergence(
  subject: Subject,
  file: string,
  { ours, peer, exact }: Sides,
  { rounds, threads }: Plan,
  report: Report,
): Promise<Row[]> {
  const request = { ...textRequest(subject, file, threads), reference: subject.reference };
  const answers = await alternate<DivergenceAnswer>(rounds, [ours, peer], (side, round) => {
    report(`${basename(file)}: divergence, ${side.name}, round ${round} of ${rounds}`);
    return side.divergence(request);
  });
  const what = { subject: subject.name, file: basename(file) };
  const [own, theirs] = [answersOf(answers, ours), answersOf(answers, peer)];
  report(`${basename(file)}: divergence of every logit, by a C++ program`);
  const known = await exact(request);
  const rows: Row[] = [
    ...statisticRows(what, 'every logit, by a C++ program', own, [{ statistics: known }], STATISTIC_SHARE),
    ...statisticRows(what, 'own reference, its in 16 bits', own, theirs, null),
    compareFigures(
      { ...what, figure: 'time of KLD', unit: 'ms' },
      wallOf(own),
      wallOf(theirs),
      limitOf(subject.limits.divergenceTime),
    ),
    compareFigures(
      { ...what, figure: 'peak memory, KLD', unit: 'bytes' },
      peakOf(own),
      peakOf(theirs),
      TEXT_PEAK,
    ),
  ];
  for (const writer of [peer, ours]) {
    report(`${basename(file)}: the same base, written by ${writer.name}`);
    const folder = await mkdtemp(join(tmpdir(), 'quantscope-parity-'));
    try {
      const base = join(folder, 'base.kld');
      await writer.writeBase(request, base);
      const [read, readByPeer] = [
        await ours.againstBase(request, base),
        await peer.againstBase(request, base),
      ];
      const name = writer === peer ? 'base of llama-perplexity' : 'base of quantscope';
      rows.push(...statisticRows(what, name, [read], [readByPeer], STATISTIC_SHARE));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

/** @param share that must hold; null promises nothing, where what llama-perplexity stores is not what was computed */
function statisticRows(
  what: Pick<Row, 'subject' | 'file'>,
  against: string,
  own: readonly Pick<DivergenceAnswer, 'statistics'>[],
  theirs: readonly Pick<DivergenceAnswer, 'statistics'>[],
  share: number | null,
): Row[] {
  // The keys are those of the record.
  const names = Object.keys(STATISTICS) as (keyof typeof STATISTICS)[];
  return names.map((name) => {
    const value = (of: readonly Pick<DivergenceAnswer, 'statistics'>[]) =>
      median(of.map(({ statistics }) => statistics[name]));
    const unit = STATISTICS[name];
    const promised = name === 'perplexity' ? PERPLEXITY_SHARE : share;
    const limit = promised === null ? null : withinPrinted(promised, PRINTED_DIGIT[unit]);
    return compareFigures({ ...what, figure: `${name}, ${against}`, unit }, value(own), value(theirs), limit);
  });
}

function limitOf(factor: number | null): Limit | null {
  return factor === null ? null : atMost(factor);
}

/** Peak memory with twice the chunks beside once: the peer keeps all logits of a batch, and its history. */
export async function measureGrowth(
  subject: Subject,
  file: string,
  { ours, peer }: Sides,
  { threads }: Plan,
  report: Report,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const side of [ours, peer]) {
    report(`${basename(file)}: memory by chunks, ${side.name}`);
    const request = textRequest(subject, file, threads);
    const once = await side.perplexity(request);
    const twice = await side.perplexity({ ...request, chunks: 2 * request.chunks });
    rows.push(
      compareFigures(
        {
          subject: subject.name,
          file: basename(file),
          figure: `peak memory of ${side.name}, ${2 * request.chunks} chunks beside ${request.chunks}`,
          unit: 'bytes',
        },
        twice.peakBytes,
        once.peakBytes,
        side === ours ? within(GROWTH_SHARE) : null,
      ),
    );
  }
  return rows;
}

function textRequest({ text, chunks }: Subject, file: string, threads: number): TextRequest {
  return { file, text, chunks, threads, contextSize: 512 };
}

/** Every side once a round, in turn forwards and backwards, so that a machine that slows down slows all of them. */
async function alternate<Answer>(
  rounds: number,
  sides: readonly Side[],
  ask: (side: Side, round: number) => Promise<Answer>,
): Promise<Map<Side, Answer[]>> {
  const answers = new Map<Side, Answer[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
      answers.get(side)?.push(await ask(side, round));
    }
  }
  return answers;
}

function answersOf<Answer>(answers: ReadonlyMap<Side, Answer[]>, side: Side): readonly Answer[] {
  return answers.get(side) ?? [];
}

function wallOf(answers: readonly { readonly wallMs: number }[]): number | null {
  return median(answers.map(({ wallMs }) => wallMs));
}

function peakOf(answers: readonly { readonly peakBytes: number | null }[]): number | null {
  return median(answers.map(({ peakBytes }) => peakBytes).filter((bytes) => bytes !== null));
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
