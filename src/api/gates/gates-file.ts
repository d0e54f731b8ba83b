import type { Allowance, Gate } from '../../measure/gate.ts';
import { parseGate } from '../../measure/gate-expression.ts';
import type { RowKind } from '../../measure/gate-figures.ts';
import { parseRegression } from '../../measure/gate-regression.ts';
import { gatesFileSchema } from '../../schema/gates.ts';
import { invalidJsonFile, readJsonFile } from '../../schema/json-file.ts';

const GATES_FILE = {
  name: 'gates' as const,
  unreadableHint: '--gates takes the path of a JSON file; its schema is schema/gates-file.json.',
  invalidHint: 'Its schema is schema/gates-file.json.',
  isAsked: true,
};

/**
 * The gates in a file.
 * @throws UsageError `gates/unreadable`, `gates/invalid`, and those of the conditions in it
 */
export async function readGatesFile(
  file: string,
  kinds: readonly RowKind[],
): Promise<{ readonly gates: Gate[]; readonly allowed: readonly Allowance[] }> {
  const { gates = [], regression = {}, allow = [] } = await readJsonFile(file, gatesFileSchema, GATES_FILE);
  const names = gates.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw invalidJsonFile(file, `two gates are called ${JSON.stringify(twice)}`, GATES_FILE);
  const allowances = Object.entries(regression);
  if (gates.length + allowances.length === 0)
    throw invalidJsonFile(file, 'there is no gate in it', GATES_FILE);
  const rules = allowances.map(([figure, allowed]) => ({
    written: figure,
    ...parseRegression(figure, allowed, `${file}: regression`),
  }));
  for (const [index, { figure, written }] of rules.entries()) {
    const same = rules.slice(0, index).find((rule) => rule.figure === figure);
    if (same === undefined) continue;
    const why = `regression: ${same.written} and ${written} are one figure`;
    throw invalidJsonFile(file, why, GATES_FILE);
  }
  const read = [
    ...gates.map(({ name, failIf, severity = 'error' }): Gate => {
      const expression = parseGate(failIf, `${file}: gate ${JSON.stringify(name)}:`, kinds);
      return { kind: 'condition', name, severity, text: failIf, expression };
    }),
    ...rules.map(({ figure, allowance }): Gate => {
      const text = `${figure} gets worse by more than ${Number((allowance * 100).toPrecision(6))} %, beyond noise`;
      const name = `regression of ${figure}`;
      return { kind: 'regression', name, severity: 'error', text, regression: { figure, allowance } };
    }),
  ];
  return { gates: read, allowed: allow };
}
