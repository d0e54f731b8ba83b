import { define, option } from '../define.ts';
import type { DoctorOptions } from './run.ts';

export const doctorCommand = define({
  name: 'doctor',
  description:
    'Looks at all that measuring needs: platform, memory and its bandwidth, the engine and the GPUs it can use, ' +
    'where models are kept, whether the Hub answers and what it would take to download the models of the ' +
    'catalogue. Every line that is not well says what to do. The engine is started in a process of its own.',
  options: [
    option('--no-hub', 'ask nothing of the network'),
    option('--json', 'print everything as JSON (schema/doctor.json)'),
  ],
  examples: [
    'doctor',
    'doctor --no-hub                     what takes no network',
    "doctor --json | jq '.checks[] | select(.fix)'",
  ],
  exitCode: '0 models can be measured here, 1 not: no engine, no folder to write to or too little memory.',
  run: async (context, options: DoctorOptions) =>
    (await import('./run.ts')).runDoctor(options, context.program, context),
});
