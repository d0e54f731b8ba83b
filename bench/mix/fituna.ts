import { dirname, join } from 'node:path';
import { buildTools, findSource } from '../parity/llama-cpp.ts';
import { runProgram } from '../parity/program.ts';

const REQUIREMENT = 'fituna==0.3.6';
/** Any speed and any loss will do: the recipe that loses least of those offered is its answer. */
const TARGETS = ['--target-tps', '1', '--max-quality-loss', '50'];
/** Without Q8_0 to Q5_K_M, which nobody takes who has Q4_K_M's size to spend. */
const RECIPES = 'Q4_K_M,Q3_K_M,Q2_K';

/** What fituna chooses of the recipes up to Q4_K_M, by KL divergence on a text. */
export async function fitunaAnswer(
  source: string,
  text: string,
  folder: string,
  cache: string,
): Promise<{ readonly recipe: string }> {
  const llama = await findSource();
  if ('missing' in llama) throw new Error(`fituna needs llama.cpp's tools: ${llama.missing}`);
  const { quantize } = await buildTools(llama, 'prebuilt', cache);
  const environment = join(folder, 'python');
  const python = join(environment, 'bin', 'python');
  await runProgram('python3', ['-m', 'venv', environment]);
  await runProgram(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', REQUIREMENT]);
  const { stdout } = await runProgram(python, [
    ...['-m', 'fituna', 'run', '--model', source, ...TARGETS, '--quant', RECIPES, '--gpu', 'none'],
    ...['--ctx', '512', '--quality-metric', 'kld', '--quality-corpus', text, '--ppl-chunks', '4'],
    ...['--llama-bin-dir', dirname(quantize), '--out', join(folder, 'out'), '--json'],
  ]);
  const recipe = /"(?:chosen_)?quant(?:_type)?": *"(\w+)"/.exec(stdout)?.[1];
  if (recipe === undefined) throw new Error(`fituna named no recipe:\n${stdout}`);
  return { recipe };
}
