import type { FileReport, ValidationReport } from '../../schema/validation.ts';
import type { ValidateRequest } from './request.ts';

/**
 * All files that refs stand for, checked without being loaded: the document of `quantscope validate --json`. A broken
 * file is a report with errors, never thrown.
 * @throws UsageError where a ref stands for nothing, a rule has no such name, a policy or a manifest is not one, or a
 *   remote file would have to be read whole; the signal's reason
 */
export async function validate(
  refs: readonly string[],
  request: ValidateRequest = {},
): Promise<ValidationReport> {
  const [{ SCHEMA_IDS }, { validateEach }] = await Promise.all([
    import('../../schema/terms.ts'),
    import('./each.ts'),
  ]);
  const files: FileReport[] = [];
  let shard: ValidationReport['shard'];
  const reports = validateEach(refs, request, (own) => {
    shard = own;
  });
  for await (const report of reports) files.push(report);
  return { schema: SCHEMA_IDS.validation, ...(shard === undefined ? {} : { shard }), files };
}
