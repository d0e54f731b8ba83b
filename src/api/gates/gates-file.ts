import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Gate } from '../../measure/gate.ts';
import { parseGate } from '../../measure/gate-expression.ts';
import { parseRegression } from '../../measure/gate-regression.ts';
import { gatesFileSchema } from '../../schema/gates.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { parseWrittenJson } from '../../util/written-json.ts';

/**
 * The gates in a file.
 * @throws UsageError `gates/unreadable`, `gates/invalid`, and those of the conditions in it
 */
export async function readGatesFile(file: string): Promise<Gate[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError('gates/unreadable', `${file} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: '--gates takes the path of a JSON file; its schema is schema/gates-file.json.',
    });
  }
  const { gates = [], regression = {} } = await parseFile(file, text);
  const names = gates.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(file, `two gates are called ${JSON.stringify(twice)}`);
  const allowances = Object.entries(regression);
  if (gates.length + allowances.length === 0) throw invalid(file, 'there is no gate in it');
  const rules = allowances.map(([figure, allowed]) => ({
    written: figure,
    ...parseRegression(figure, allowed, `${file}: regression`),
  }));
  for (const [index, { figure, written }] of rules.entries()) {
    const same = rules.slice(0, index).find((rule) => rule.figure === figure);
    if (same !== undefined) throw invalid(file, `regression: ${same.written} and ${written} are one figure`);
  }
  return [
    ...gates.map(({ name, failIf, severity = 'error' }): Gate => {
      const expression = parseGate(failIf, `${file}: gate ${JSON.stringify(name)}:`);
      return { kind: 'condition', name, severity, text: failIf, expression };
    }),
    ...rules.map(({ figure, allowance }): Gate => {
      const rule = { figure, allowance };
      const text = `${rule.figure} gets worse by more than ${Number((rule.allowance * 100).toPrecision(6))} %, beyond noise`;
      return {
        kind: 'regression',
        name: `regression of ${rule.figure}`,
        severity: 'error',
        text,
        regression: rule,
      };
    }),
  ];
}

async function parseFile(file: string, text: string): Promise<z.infer<typeof gatesFileSchema>> {
  let json: unknown;
  try {
    json = await parseWrittenJson(text);
  } catch (cause) {
    throw invalid(file, messageOf(cause), cause);
  }
  const parsed = gatesFileSchema.safeParse(json);
  if (!parsed.success) throw invalid(file, messageOf(z.prettifyError(parsed.error)));
  return parsed.data;
}

function invalid(file: string, why: string, cause?: unknown): UsageError {
  return new UsageError('gates/invalid', `${file}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Its schema is schema/gates-file.json.',
  });
}
