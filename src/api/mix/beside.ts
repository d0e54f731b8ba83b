import type { Chosen } from './choice.ts';
import { typesOfMix } from './files.ts';
import type { Journal } from './journal.ts';
import type { Row } from './results.ts';
import { type Stock, stockOf } from './stock.ts';
import { digestOf } from './texts.ts';
import type { Workbench } from './workbench.ts';
import type { Workplace } from './workplace.ts';

/** Recipes that are published for most models and need no importance matrix. */
const USUAL = [
  ...['Q2_K', 'Q3_K_S', 'Q3_K_M', 'Q3_K_L', 'IQ4_XS', 'Q4_0', 'Q4_K_S', 'Q4_K_M'],
  ...['Q5_K_S', 'Q5_K_M', 'Q6_K', 'Q8_0'],
] as const;

/** The stock recipe that the verdict is about, and others of about its size. */
export interface Beside {
  readonly compared: Stock;
  readonly others: readonly Stock[];
}

/** The recipe that was named, else the largest that is no larger than the mix; and the next ones around its size. */
export async function stockBeside(
  { session, model, source, settings, goal, stock }: Workplace,
  mixBytes: number,
): Promise<Beside> {
  const bySize = new Map<number, Stock>();
  for (const name of USUAL) {
    const usual = await stockOf(session, model, source, name, settings);
    // Rows of few blocks bring several recipes to one size.
    if (!bySize.has(usual.bytes)) bySize.set(usual.bytes, usual);
  }
  const usual = [...bySize.values()].sort((a, b) => a.bytes - b.bytes);
  const around = [
    usual.findLast(({ bytes }) => bytes <= mixBytes),
    usual.find(({ bytes }) => bytes > mixBytes),
  ].filter((each) => each !== undefined);
  const compared = goal.kind === 'like' ? stock : (around[0] ?? stock);
  return { compared, others: around.filter(({ bytes }) => bytes !== compared.bytes) };
}

export interface BesideRequest {
  readonly bench: Workbench;
  readonly chosen: Chosen;
  readonly beside: Beside;
  readonly fixedBytes: number;
  readonly journal: Journal;
}

/** What lies beside the mix, on the text that the choice did not see; the recipe that it is compared with first. */
export async function measureBeside(
  { host }: Workplace,
  { bench, chosen, beside, fixedBytes, journal }: BesideRequest,
): Promise<Row[]> {
  const subjects = [
    ...[beside.compared, ...beside.others].map(({ plan, bytes, types }) => ({
      ...({ kind: 'stock', name: plan.recipe.name, bytes, predictedKld: null } as const),
      types,
    })),
    ...chosen.neighbours.map(({ name, mix }) => ({
      ...({ kind: 'neighbour', name, bytes: fixedBytes + mix.bytes, predictedKld: mix.loss } as const),
      types: typesOfMix(chosen.offered, mix),
    })),
  ];
  const chunks = bench.test.planned.chunks.length;
  const total = chunks * (subjects.length + 1);
  const rows: Row[] = [];
  for (const { types, ...subject } of subjects) {
    const before = rows.length * chunks;
    const measured = await journal.figures(types, digestOf(bench.test), () =>
      bench.measure(types, bench.test, (done) =>
        host.progress({
          kind: 'step',
          subject: subject.name,
          stage: 'measuring',
          done: before + done,
          total,
        }),
      ),
    );
    rows.push({ ...subject, ...measured });
  }
  return rows;
}
