import type { Host } from '../api/host.ts';
import type { PullPlan } from '../hub/pull.ts';
import type { Style } from '../report/style.ts';
import { UsageError } from '../util/errors.ts';
import { counted, formatBytes } from '../util/units.ts';
import { type ComparisonProgress, comparisonProgress } from './comparison/progress.ts';
import { printDocument } from './output.ts';
import { pullProgress } from './pull/progress.ts';
import { askYes, isInteractive } from './question.ts';
import { type Piece, stepProgress } from './step-progress.ts';
import { terminalStyle } from './style.ts';

/** More than this is not downloaded on a terminal without a question. */
const ASK_FROM_BYTES = 1e9;

export interface TerminalOptions {
  readonly yes?: boolean;
  readonly quiet?: boolean;
}

/** What commands that make a document are asked besides their request. */
export interface DocumentOptions extends TerminalOptions {
  readonly json?: boolean;
}

/** A command's host: questions, progress and notices on stderr. */
export interface Terminal extends Required<Host>, Disposable {
  /** Takes progress away, so that something can be printed; the next report brings it back. */
  readonly clear: () => void;
}

/** What a command hands to the library, so that a person at the terminal sees how it gets on. */
export function terminalHost({ yes = false, quiet = false }: TerminalOptions, signal: AbortSignal): Terminal {
  const stream = process.stderr;
  const now = () => performance.now();
  const style = terminalStyle(stream);
  const downloads = pullProgress({ stream, quiet, now, style });
  let piece: Piece | undefined;
  const steps = stepProgress(stream, quiet, now, () => piece);
  // With a plan there is a time that is left, and a line for each variant.
  let planned: ComparisonProgress | undefined;
  const clear = (): void => {
    downloads.clear();
    steps.clear();
    planned?.stop();
    planned = undefined;
  };
  const say = (text: string): void => {
    if (quiet) return;
    steps.clear();
    stream.write(`${text}\n`);
  };
  return {
    signal,
    confirm: (plan) => confirmDownload(plan, { yes, signal }),
    notice(text) {
      steps.clear();
      planned?.clear();
      downloads.say(text);
    },
    progress(event) {
      switch (event.kind) {
        case 'plan':
          planned = comparisonProgress({ stream, quiet, now, style });
          return planned.start(event.subjects, event.stages);
        case 'step':
          if (planned !== undefined) return planned.update({ ...event, variant: event.subject });
          piece = event.piece;
          return steps.update(`${event.subject} ${event.stage}`.trim(), event.done, event.total);
        case 'end':
          if (planned === undefined) {
            return say(`${event.subject}: ${event.failure === null ? 'done' : `failed: ${event.failure}`}`);
          }
          return planned.finishVariant(
            event.subject,
            event.failure === null ? { status: 'ok' } : { status: 'failed', reason: event.failure },
          );
        case 'download':
          return downloads.start(event.plan);
        case 'download-bytes':
          return downloads.update(event.file, event.doneBytes);
        case 'download-end':
          return downloads.finishFile(event.file);
        case 'idle':
          return clear();
      }
    },
    clear,
    [Symbol.dispose]: clear,
  };
}

/** Makes a document with the terminal as the library's host, and prints it: as JSON, or as a text for a person. */
export async function makeAndPrint<Made extends object>(
  options: DocumentOptions,
  signal: AbortSignal,
  make: (terminal: Terminal) => Promise<Made>,
  text: (made: Made, style: Style) => string,
): Promise<Made> {
  using terminal = terminalHost(options, signal);
  const made = await make(terminal);
  terminal.clear();
  printDocument(made, options.json, () => text(made, terminalStyle(process.stdout)));
  return made;
}

/**
 * Asks before a large download, on a terminal; scripts have said what they want.
 * @throws UsageError `pull/declined`
 */
async function confirmDownload(
  plan: PullPlan,
  { yes, signal }: { readonly yes: boolean; readonly signal: AbortSignal },
): Promise<void> {
  if (yes || !isInteractive() || plan.missingBytes <= ASK_FROM_BYTES) return;
  const count = plan.files.filter(({ state }) => state === 'absent').length;
  const what = `${counted(count, 'file')}, ${formatBytes(plan.missingBytes)}`;
  if (await askYes(`Download ${what}?`, signal)) return;
  throw new UsageError('pull/declined', `nothing was downloaded; it would have been ${what}`, {
    hint: 'Add --yes to download without a question.',
  });
}
