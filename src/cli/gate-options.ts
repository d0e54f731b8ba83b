import type { Option } from 'commander';
import type { Allowance } from '../measure/gate.ts';
import type { GateFormat } from '../report/gates.ts';
import { GATE_ALLOWANCES } from '../schema/terms.ts';
import { option } from './define.ts';

const GATE_FORMATS = [
  'text',
  'json',
  'junit',
  'sarif',
  'gitlab',
  'github',
] as const satisfies readonly GateFormat[];

/** What compare, eval and report ask of gates. */
export interface GateOptions {
  failIf?: string[];
  gates?: string;
  allow?: Allowance[];
  baseline?: string[];
  gateFormat?: GateFormat;
  gateOut?: string;
  /** Unset: as the environment says. */
  github?: boolean;
}

/** Values of an option that may be repeated, in their order. */
export function collected(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** They are a group of their own; `--baseline` is among them where the command has none. */
export function gateOptions({ hasBaseline = false } = {}): (Option | string)[] {
  const baseline = option(
    '--baseline <file>',
    'earlier results, for regressions in --gates and variants that are gone; several are runs or machines',
    collected,
  );
  return [
    'Gates:',
    option(
      '--fail-if <condition>',
      'exit with 1 where it holds, such as "any.divergence.meanKld > 0.05"; may be repeated',
      collected,
    ),
    option('--gates <file>', 'conditions and allowed regressions in a file (schema/gates-file.json)'),
    option('--allow <what>', 'with gates, what does not fail by itself; may be repeated', collected).choices(
      GATE_ALLOWANCES,
    ),
    ...(hasBaseline ? [] : [baseline]),
    option('--gate-format <form>', 'how the verdict is written (default: text)').choices(GATE_FORMATS),
    option('--gate-out <file>', 'write the verdict there (default: stderr)'),
    option('--github', 'annotations and a job summary, as by itself in GitHub Actions where there are gates'),
    option('--no-github', 'no annotations and no job summary'),
  ];
}
