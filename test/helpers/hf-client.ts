import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSION = '2.4.0';
const FOLDER = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  `quantscope/huggingface_hub-${VERSION}`,
);

/** The folder of the real client's programs, installed by pip at first; null where that cannot be done. */
export function hfClient(): string | null {
  const programs = join(FOLDER, 'bin');
  if (existsSync(join(programs, 'hf'))) return programs;
  mkdirSync(FOLDER, { recursive: true });
  const run = (command: string, ...args: string[]) =>
    spawnSync(command, args, { stdio: 'ignore', timeout: 120_000 }).status === 0;
  const isMade =
    run('python3', '-m', 'venv', FOLDER) &&
    run(join(programs, 'pip'), 'install', '-q', `huggingface_hub==${VERSION}`);
  return isMade && existsSync(join(programs, 'hf')) ? programs : null;
}
