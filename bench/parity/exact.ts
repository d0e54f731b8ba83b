import { buildProgram, type LlamaSource } from './llama-cpp.ts';
import { type DivergenceRequest, STATISTICS, type Statistics } from './measured.ts';
import { runProgram } from './program.ts';

/** What a divergence is when every logit counts: by a C++ program of this folder on llama.cpp's C interface. */
export type ExactDivergence = (request: DivergenceRequest) => Promise<Statistics>;

export async function exactDivergence(source: LlamaSource, cacheFolder: string): Promise<ExactDivergence> {
  const { program, libraryFolder } = await buildProgram(source, 'exact-divergence.cpp', cacheFolder);
  return async ({ reference, file, text, contextSize, chunks, threads }) => {
    const numbers = [contextSize, chunks, threads].map(String);
    const { stdout } = await runProgram(program, [libraryFolder, reference, file, text, ...numbers]);
    const said = new Map(stdout.split('\n').map((line) => line.split('\t') as [string, string]));
    const values = Object.entries(STATISTICS).map(([name, unit]) => {
      const value = Number(said.get(name) ?? Number.NaN);
      return [name, unit === 'percent' ? 100 * value : value];
    });
    // The keys are those of the record.
    return Object.fromEntries(values) as unknown as Statistics;
  };
}
