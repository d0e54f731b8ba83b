import { type Command, Option } from 'commander';
import type { GateFormat } from '../report/gates.ts';

/** What compare, eval and report ask of gates. */
export interface GateOptions {
  failIf?: string[];
  gates?: string;
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

/** Adds them, as a group of their own; `--baseline` only where the command has none. */
export function addGateOptions(command: Command, { hasBaseline = false } = {}): Command {
  command
    .optionsGroup('Gates:')
    .option(
      '--fail-if <condition>',
      'exit with 1 where it holds, such as "any.divergence.meanKld > 0.05"; may be repeated',
      collected,
    )
    .option('--gates <file>', 'conditions and allowed regressions in a file (schema/gates-file.json)');
  if (!hasBaseline) {
    command.option(
      '--baseline <file>',
      'earlier results, which the regressions in --gates are judged against; may be repeated',
      collected,
    );
  }
  return command
    .addOption(
      new Option('--gate-format <form>', 'how the verdict is written (default: text)').choices([
        'text',
        'json',
        'junit',
        'sarif',
        'github',
      ]),
    )
    .option('--gate-out <file>', 'write the verdict there (default: stderr)')
    .option('--github', 'annotations and a job summary, as by itself in GitHub Actions where there are gates')
    .option('--no-github', 'neither of them');
}
