import type { DiffRequest } from '../../api/diff/diff.ts';
import { diff } from '../../api/diff/diff.ts';
import type { Host } from '../../api/host.ts';
import { isGgufError } from '../../gguf/errors.ts';
import { isLocalRef } from '../../model/ref.ts';
import { renderDiff } from '../../report/diff-text.ts';
import { harmlessJson } from '../../report/inspection-text.ts';
import type { Diff } from '../../schema/diff.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless, reportDamaged, stdoutStyle } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { diffProgress } from './progress.ts';

export interface DiffOptions extends Omit<DiffRequest, keyof Host> {
  readonly top: number;
  readonly all?: true;
  readonly yes?: true;
  readonly json?: true;
  readonly quiet?: true;
}

export async function runDiff(
  a: string,
  b: string,
  options: DiffOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { json, yes: _, quiet = false, top, all = false, ...request } = options;
  const bar = diffProgress(process.stderr, quiet);
  let found: Diff;
  try {
    // What downloads is loaded only where it may be needed.
    using terminal = isLocalRef(a) && isLocalRef(b) ? null : await hostFor(options, signal);
    found = await diff(a, b, {
      signal,
      notice: noticeUnless(false),
      ...terminal,
      ...request,
      progress: (event) => {
        if (event.kind === 'step') bar.update(event.done, event.total);
        else terminal?.progress(event);
      },
    });
  } catch (thrown) {
    if (!isGgufError(thrown)) throw thrown;
    const advice =
      'The file is damaged or not a GGUF file: `quantscope validate` says what is wrong with it.';
    return reportDamaged(thrown, advice, { json: json === true });
  } finally {
    bar.stop();
  }
  const layout = { style: await stdoutStyle(), width: process.stdout.columns || 100, top, all };
  process.stdout.write(`${json === true ? harmlessJson(found) : renderDiff(found, layout)}\n`);
  return found.gate?.holds === false ? EXIT.finding : EXIT.done;
}

async function hostFor(options: DiffOptions, signal: AbortSignal): Promise<Terminal> {
  const { terminalHost } = await import('../terminal.ts');
  return terminalHost(options, signal);
}
