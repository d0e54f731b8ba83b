import { Command } from 'commander';
import type { ProgramContext } from '../command-context.ts';
import { helpAfter } from '../shared-options.ts';
import type { DoctorOptions } from './run.ts';

export function doctorCommand(context: ProgramContext): Command {
  return new Command('doctor')
    .description(
      'Looks at all that measuring needs: platform, memory and its bandwidth, the engine and the GPUs it can use, ' +
        'where models are kept, whether the Hub answers and what it would take to download the models of the ' +
        'catalogue. Every line that is not well says what to do. The engine is started in a process of its own.',
    )
    .option('--no-hub', 'ask nothing of the network')
    .option('--json', 'print everything as JSON (schema/doctor.json)')
    .addHelpText(
      'after',
      helpAfter(
        [
          'doctor',
          'doctor --no-hub                     what takes no network',
          "doctor --json | jq '.checks[] | select(.fix)'",
        ],
        '0 models can be measured here, 1 not: no engine, no folder to write to or too little memory.',
      ),
    )
    .action(async (options: DoctorOptions, command: Command) => {
      const { runDoctor } = await import('./run.ts');
      context.done(await runDoctor(options, command.parent ?? command, context));
    });
}
