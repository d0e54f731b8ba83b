import type { FileReport } from '../schema/validation.ts';
import { workflowCommand } from './workflow-command.ts';

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;

/** An annotation for each diagnostic. */
export function renderValidationGithub(files: readonly FileReport[]): string {
  const lines = files.flatMap(({ ref, diagnostics }) =>
    diagnostics.map(({ rule, severity, message, offset }) => {
      const place = offset === undefined || message.includes(`(byte ${offset})`) ? '' : ` (byte ${offset})`;
      return workflowCommand(COMMANDS[severity], { file: ref, title: `quantscope ${rule}` }, message + place);
    }),
  );
  return lines.join('\n');
}
