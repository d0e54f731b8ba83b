import { join } from 'node:path';
import { checkKitResults } from '../../api/kit/check.ts';
import { KIT_FILES, type Kit, makeKit } from '../../api/kit/kit.ts';
import type { KitCheckRequest, KitRequest } from '../../api/kit/request.ts';
import { renderKitCheck } from '../../report/kit-check.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { makeFolder } from '../../util/make-folder.ts';
import { refuseToReplace, writeOutput } from '../../util/output-file.ts';
import { gigabytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';
import { type TerminalOptions, terminalHost } from '../terminal.ts';

export interface KitOptions extends KitRequest, TerminalOptions {
  readonly out: string;
  readonly force?: boolean;
}

export interface KitCheckOptions extends KitCheckRequest {
  readonly json?: boolean;
}

/** Writes the folder for the app. */
export async function runKit(ref: string, options: KitOptions, signal: AbortSignal): Promise<ExitCode> {
  // An app's developer may have changed the source.
  for (const name of options.force ? [] : KIT_FILES) {
    const hint = 'Name another folder with --out, or replace the kit with --force.';
    await refuseToReplace(join(options.out, name), 'kit', hint);
  }
  using terminal = terminalHost(options, signal);
  const kit = await makeKit(ref, { ...options, ...terminal });
  await writeKit(options.out, kit);
  for (const line of summaryOf(options.out, kit)) terminal.notice(line);
  return EXIT.done;
}

/** Compares a phone's results with the golden file, and keeps its speed where that is wanted. */
export async function runKitCheck(
  path: string,
  options: KitCheckOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { check, learnedIn } = await checkKitResults(path, { ...options, signal });
  printDocument(check, options.json, () => renderKitCheck(check, stdoutLayout()));
  if (options.learn) {
    process.stderr.write(
      learnedIn === null
        ? 'Nothing was kept: how fast a phone computes something else is of no use.\n'
        : `The speed is kept in ${learnedIn}; fit takes it for this phone.\n`,
    );
  }
  return check.verdict === 'ok' ? EXIT.done : EXIT.finding;
}

async function writeKit(out: string, { files }: Kit): Promise<void> {
  const hint = 'Name another folder with --out.';
  try {
    await makeFolder(out);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${out} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
  for (const name of KIT_FILES) await writeOutput(join(out, name), files[name], hint);
}

const VERDICTS = { tight: 'tight', no: 'does not fit', unknown: 'whether it fits is not known' } as const;

function summaryOf(
  out: string,
  { golden: { model, expected, prompts }, plan: { fit, parameters }, types }: Kit,
): string[] {
  const tokens = prompts.reduce((sum, { reply }) => sum + reply.steps.length, 0);
  const { device, backend, contextSize, cacheType, memory, speed } = expected;
  const where = device === null ? 'the CPU of any phone' : `${device.name}, ${backend}`;
  const pace =
    'status' in speed
      ? ''
      : `, ${speed.low.toFixed(1)} to ${speed.high.toFixed(1)} tokens/s (${speed.basis})`;
  return [
    `${model.name} ${model.quantization} for ${where}: context ${contextSize}, ${cacheType} cache, ${gigabytes(memory.totalBytes)}${pace}`,
    ...(fit === null || fit.verdict === 'fits'
      ? []
      : [`${VERDICTS[fit.verdict]}: ${fit.reasons.join('; ')}`]),
    ...(types === null ? [] : [`types ${types}`]),
    `${parameters.length} parameters, ${prompts.length} golden prompts with ${tokens} tokens: ${KIT_FILES.map((name) => join(out, name)).join(', ')}`,
  ];
}
