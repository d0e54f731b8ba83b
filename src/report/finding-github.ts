import { withoutCommands } from '../util/shown-text.ts';
import { type Finding, messageWithByte } from './finding.ts';
import { printable } from './text-width.ts';

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;

/**
 * Workflow commands that GitHub Actions turns into annotations
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions), a line each.
 */
export function findingsGithub(findings: readonly Finding[]): string {
  return findings
    .map((finding) => {
      const { id, level, title = id, places } = finding;
      const [place] = places;
      const properties = {
        ...(place === undefined ? {} : { file: place.file }),
        ...(place?.line === undefined ? {} : { line: String(place.line) }),
        title: `quantscope ${title}`,
      };
      const named = Object.entries(properties).map(
        ([name, value]) => `${name}=${property(printable(value))}`,
      );
      return `::${COMMANDS[level]} ${named.join(',')}::${data(printable(messageWithByte(finding)))}`;
    })
    .join('\n');
}

/** What stands behind the last `::`: no command in it either. */
function data(text: string): string {
  return withoutCommands(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
