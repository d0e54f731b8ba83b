import { printable } from './text-width.ts';

/**
 * A workflow command that GitHub Actions turns into an annotation
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 */
export function workflowCommand(
  command: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string>>,
  message: string,
): string {
  const named = Object.entries(properties).map(([name, value]) => `${name}=${property(printable(value))}`);
  return `::${command} ${named.join(',')}::${data(printable(message))}`;
}

/** What stands behind the last `::`. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
