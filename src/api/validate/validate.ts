import { availableParallelism } from 'node:os';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import type { FileReport, Policy, ValidationReport } from '../../schema/validation.ts';

export interface ValidateRequest {
  /** Only these rules or groups, such as `tensor/offset` or `header`. Default: all. */
  readonly rules?: readonly string[];
  /** What the project accepts. Default: anything; no policy file is looked for. */
  readonly policy?: Policy;
  /** Whether the weights and the hash are checked too. Default: true. */
  readonly content?: boolean;
  /** Files at the same time. Default: as many as there are cores. */
  readonly jobs?: number;
  readonly signal?: AbortSignal;
}

/**
 * What `quantscope validate --json` says, for programs: all files that refs stand for, in their order, checked without
 * being loaded. A broken file is a report with errors, never thrown.
 * @throws UsageError where a ref stands for nothing, or a rule has no such name; the signal's reason
 */
export async function validate(
  refs: readonly string[],
  {
    rules,
    policy,
    content = true,
    jobs = availableParallelism(),
    signal = new AbortController().signal,
  }: ValidateRequest = {},
): Promise<ValidationReport> {
  const [{ ContentReader }, { validateOne }, { validationFiles }, { chosenRules }, { TemplateChecker }] =
    await Promise.all([
      import('./content.ts'),
      import('./file.ts'),
      import('./files.ts'),
      import('./rules.ts'),
      import('./template.ts'),
    ]);
  const { inOrder } = await import('../../util/in-order.ts');
  const chosen = rules === undefined ? undefined : chosenRules(rules);
  const files = await validationFiles(refs, { signal, notice: () => {} });
  await using contents = new ContentReader(jobs);
  await using templates = new TemplateChecker();
  const run = {
    contents,
    templates,
    policy: policy ?? null,
    rules: chosen,
    withContent: content,
    expectedSha256: null,
    manifest: undefined,
    load: null,
    signal,
    onBytes: () => {},
  };
  const reports: FileReport[] = [];
  for await (const report of inOrder(files, jobs, (file) => validateOne(file, run))) reports.push(report);
  return { schema: SCHEMA_IDS.validation, files: reports };
}
