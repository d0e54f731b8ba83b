import type { Command } from 'commander';
import { doctor, isWell } from '../../api/doctor/doctor.ts';
import type { CommandContext } from '../command-context.ts';
import { loadConfigs } from '../config.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';
import { renderDoctor } from './text.ts';

export interface DoctorOptions {
  readonly json?: boolean;
  readonly hub: boolean;
}

/** Says by its exit code whether models can be measured here. */
export async function runDoctor(
  { json, hub }: DoctorOptions,
  program: Command,
  { signal, definitions }: CommandContext,
): Promise<ExitCode> {
  const configFiles = async () => {
    const files = await loadConfigs(program, definitions);
    return files.map(({ path, whose }) => ({ path, whose }));
  };
  const report = await doctor({ hub, configFiles, signal });
  printDocument(report, json, () => renderDoctor(report, stdoutLayout()));
  return isWell(report) ? EXIT.done : EXIT.finding;
}
