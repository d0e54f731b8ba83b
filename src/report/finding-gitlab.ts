import { sha256OfText } from '../measure/file-hash.ts';
import { type Finding, messageWithByte } from './finding.ts';

const SEVERITIES = { error: 'major', warning: 'minor', note: 'info' } as const;

/**
 * GitLab's Code Quality report (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format): an entry
 * for each place. A GGUF has no lines, so what has none begins at the first; the byte stands in the message.
 */
export function findingsGitlab(findings: readonly Finding[]): string {
  const entries = findings.flatMap((finding) => {
    const { id, level, places, fingerprint = [], hint } = finding;
    return (places.length === 0 ? [{ file: '.' }] : places).map((place) => ({
      description: hint === undefined ? messageWithByte(finding) : `${messageWithByte(finding)}: ${hint}`,
      check_name: id,
      fingerprint: sha256OfText(
        JSON.stringify([id, place.file, ...(fingerprint.length > 0 ? fingerprint : [finding.message])]),
      ),
      severity: SEVERITIES[level],
      location: {
        path: place.file.replace(/^\.\//, ''),
        lines: { begin: 'line' in place ? (place.line ?? 1) : 1 },
      },
    }));
  });
  return JSON.stringify(entries, null, 2);
}
