import type { Severity } from '../schema/terms.ts';
import type { Finding, Place } from './finding.ts';

export interface SarifOptions {
  readonly toolVersion?: string;
}

/** What is said once of all findings of one id. */
export interface SarifRule {
  readonly id: string;
  readonly name?: string;
  readonly level: Severity;
  readonly summary: string;
  readonly description: string;
  readonly help?: { readonly text: string; readonly markdown: string };
  readonly tag: string;
}

/** A file that findings are in. */
export interface SarifFile {
  readonly file: string;
  readonly bytes?: number;
  readonly sha256?: string | null;
  /** What was not looked at in it, so that no result is not taken for a good one. */
  readonly notice?: string | undefined;
}

/**
 * SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/) of one run: offsets as byte regions, since a GGUF has no
 * lines.
 */
export function findingsSarif(
  findings: readonly Finding[],
  rules: readonly SarifRule[],
  files: readonly SarifFile[],
  { toolVersion }: SarifOptions = {},
): string {
  const indexes = new Map(files.map(({ file }, index) => [file, index]));
  const artifactOf = (file: string) => ({ uri: uriOf(file), index: indexes.get(file) ?? -1 });
  const ids = rules.map(({ id }) => id);
  const notices = files.flatMap(({ file, notice }) =>
    notice === undefined
      ? []
      : [
          {
            level: 'note',
            message: { text: notice },
            locations: [{ physicalLocation: { artifactLocation: artifactOf(file) } }],
          },
        ],
  );
  const run = {
    tool: {
      driver: {
        name: 'quantscope',
        informationUri: 'https://www.npmjs.com/package/quantscope',
        ...(toolVersion === undefined ? {} : { semanticVersion: toolVersion }),
        rules: rules.map(({ id, name, level, summary, description, help, tag }) => ({
          id,
          name,
          shortDescription: { text: summary },
          fullDescription: { text: description },
          help,
          defaultConfiguration: { level },
          properties: { tags: [tag] },
        })),
      },
    },
    invocations: [
      {
        executionSuccessful: true,
        ...(notices.length === 0 ? {} : { toolExecutionNotifications: notices }),
      },
    ],
    artifacts: files.map(({ file, bytes, sha256 }) => ({
      location: { uri: uriOf(file) },
      length: bytes,
      ...(sha256 ? { hashes: { 'sha-256': sha256 } } : {}),
    })),
    results: findings.map(({ id, level, message, places, fingerprint = [] }) => ({
      ruleId: id,
      ruleIndex: ids.indexOf(id),
      level,
      message: { text: message },
      locations: places.map((place) => locationOf(place, artifactOf(place.file))),
      partialFingerprints: { 'quantscope/v1': fingerprint.join('|') },
    })),
  };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return JSON.stringify(log, null, 2);
}

function locationOf({ offset, line, tensor, key }: Place, artifactLocation: object): object {
  const logicalLocations = [
    ...(tensor === undefined
      ? []
      : [{ name: tensor, fullyQualifiedName: `tensor/${tensor}`, kind: 'object' }]),
    ...(key === undefined ? [] : [{ name: key, fullyQualifiedName: `metadata/${key}`, kind: 'property' }]),
  ];
  const region = {
    ...(line === undefined ? {} : { startLine: line }),
    ...(offset === undefined ? {} : { byteOffset: offset, byteLength: 1 }),
  };
  return {
    // GitHub shows no result without a region; of a whole file it begins at its first line.
    physicalLocation: {
      artifactLocation,
      region: Object.keys(region).length === 0 ? { startLine: 1 } : region,
    },
    ...(logicalLocations.length === 0 ? {} : { logicalLocations }),
  };
}

/** A path as a URI reference: relative paths stay relative to the working folder. */
function uriOf(path: string): string {
  // Half a character would make encodeURIComponent throw.
  const slashed = path.replaceAll(/\p{Surrogate}/gu, '\uFFFD').replaceAll('\\', '/');
  const encoded = slashed.split('/').map(encodeURIComponent).join('/');
  if (/^[A-Za-z]:\//.test(slashed)) return `file:///${encoded.replace('%3A', ':')}`;
  if (slashed.startsWith('/')) return `file://${encoded}`;
  return /^(?:https?|hf):/.test(slashed) ? encodeURI(slashed) : encoded;
}
