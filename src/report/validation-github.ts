import type { FileReport } from '../validate/index.ts';
import { printable } from './text-width.ts';

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;

/**
 * Workflow commands that GitHub Actions turns into annotations
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 */
export function renderValidationGithub(files: readonly FileReport[]): string {
  const lines = files.flatMap(({ ref, diagnostics }) =>
    diagnostics.map(({ rule, severity, message, offset }) => {
      const place = offset === undefined || message.includes(`(byte ${offset})`) ? '' : ` (byte ${offset})`;
      const text = data(printable(message + place));
      return `::${COMMANDS[severity]} file=${property(printable(ref))},title=${property(`quantscope ${rule}`)}::${text}`;
    }),
  );
  return lines.join('\n');
}

/** What stands behind the last `::`. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
