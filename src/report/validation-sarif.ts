import { type Diagnostic, type FileReport, groupOf, RULES, type Rule } from '../validate/index.ts';

export interface SarifOptions {
  readonly toolVersion?: string;
}

/** SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/): offsets as byte regions, since a GGUF has no lines. */
export function renderValidationSarif(
  files: readonly FileReport[],
  { toolVersion }: SarifOptions = {},
): string {
  const ids = Object.keys(RULES);
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'quantscope',
            ...(toolVersion === undefined ? {} : { semanticVersion: toolVersion }),
            rules: Object.entries(RULES).map(([id, rule]) => describeRule(id, rule)),
          },
        },
        invocations: [{ executionSuccessful: true, ...notifications(files) }],
        artifacts: files.map(({ ref, bytes, sha256 }) => ({
          location: { uri: uriOf(ref) },
          length: bytes,
          ...(sha256 === null ? {} : { hashes: { 'sha-256': sha256 } }),
        })),
        results: files.flatMap((file, artifact) =>
          file.diagnostics.map((diagnostic) =>
            result(diagnostic, file.ref, artifact, ids.indexOf(diagnostic.rule)),
          ),
        ),
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

/** What was not checked, so that no result is not taken for a good one. */
function notifications(files: readonly FileReport[]): object {
  const toolExecutionNotifications = files.flatMap(({ ref, content }, index) =>
    content.status === 'checked'
      ? []
      : [
          {
            level: 'note',
            message: { text: `Content not checked: ${content.reason}.` },
            locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(ref), index } } }],
          },
        ],
  );
  return toolExecutionNotifications.length === 0 ? {} : { toolExecutionNotifications };
}

function describeRule(id: string, { severity, reason, why, checkedBy, fix }: Rule): object {
  return {
    id,
    name: id.replaceAll(/(?:^|[/-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: reason },
    fullDescription: { text: `${reason} ${why}` },
    help: {
      text: `${why}\n\nWho checks it: ${checkedBy}\n\nWhat to do: ${fix}`,
      markdown: `${why}\n\n**Who checks it:** ${checkedBy}\n\n**What to do:** ${fix}`,
    },
    defaultConfiguration: { level: severity },
    properties: { tags: [groupOf(id)] },
  };
}

function result(diagnostic: Diagnostic, ref: string, artifact: number, ruleIndex: number): object {
  const { rule, severity, message, offset, tensor, key } = diagnostic;
  const logical = [
    ...(tensor === undefined
      ? []
      : [{ name: tensor, fullyQualifiedName: `tensor/${tensor}`, kind: 'object' }]),
    ...(key === undefined ? [] : [{ name: key, fullyQualifiedName: `metadata/${key}`, kind: 'property' }]),
  ];
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(ref), index: artifact },
          ...(offset === undefined ? {} : { region: { byteOffset: offset, byteLength: 1 } }),
        },
        ...(logical.length === 0 ? {} : { logicalLocations: logical }),
      },
    ],
    // What stays the same when the file is converted again: results are matched between runs by it.
    partialFingerprints: { 'quantscope/v1': [rule, ref, tensor ?? '', key ?? ''].join('|') },
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
