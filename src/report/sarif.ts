interface SarifRun {
  readonly toolVersion: string | undefined;
  readonly rules: readonly object[];
  /** What is said of the run itself, beside that it was completed. */
  readonly invocation?: object;
  readonly artifacts: readonly object[];
  readonly results: readonly object[];
}

/** A log of one run, in SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/). */
export function sarifLog({ toolVersion, rules, invocation, artifacts, results }: SarifRun): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'quantscope',
            ...(toolVersion === undefined ? {} : { semanticVersion: toolVersion }),
            rules,
          },
        },
        invocations: [{ executionSuccessful: true, ...invocation }],
        artifacts,
        results,
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

/** A path as a URI reference: relative paths stay relative to the working folder. */
export function uriOf(path: string): string {
  // Half a character would make encodeURIComponent throw.
  const slashed = path.replaceAll(/\p{Surrogate}/gu, '\uFFFD').replaceAll('\\', '/');
  const encoded = slashed.split('/').map(encodeURIComponent).join('/');
  if (/^[A-Za-z]:\//.test(slashed)) return `file:///${encoded.replace('%3A', ':')}`;
  if (slashed.startsWith('/')) return `file://${encoded}`;
  return /^(?:https?|hf):/.test(slashed) ? encodeURI(slashed) : encoded;
}
