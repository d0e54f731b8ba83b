import type { Diagnostic, FileReport } from '../schema/validation.ts';
import { groupOf, RULES, type Rule } from '../validate/index.ts';
import { sarifLog, uriOf } from './sarif.ts';

export interface SarifOptions {
  readonly toolVersion?: string;
}

/** SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/): offsets as byte regions, since a GGUF has no lines. */
export function renderValidationSarif(
  files: readonly FileReport[],
  { toolVersion }: SarifOptions = {},
): string {
  const ids = Object.keys(RULES);
  return sarifLog({
    toolVersion,
    rules: Object.entries(RULES).map(([id, rule]) => describeRule(id, rule)),
    invocation: notifications(files),
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
  });
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
