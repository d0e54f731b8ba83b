import { devicesOf } from '../../api/fit/device-catalogue.ts';
import { refAccess } from '../../model/access.ts';
import { locateNano } from '../../model/local.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import type { Shell } from './shells.ts';
import { completedCommands, type Names } from './words.ts';
import { zshScript } from './zsh.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** `completion`: the script for a shell. */
export async function runCompletion(
  shell: Shell,
  { definitions, signal }: CommandContext,
): Promise<ExitCode> {
  const commands = completedCommands(await definitions());
  process.stdout.write(SCRIPTS[shell](commands, await namesToOffer(signal)));
  return EXIT.done;
}

/** What stands in no definition: the catalogue's names with their quantizations, the embedded family and the phones. */
async function namesToOffer(signal: AbortSignal): Promise<Names> {
  const { catalogue, nanoFolder } = await refAccess({ signal });
  const nano = await locateNano(nanoFolder, null);
  const { devices } = await devicesOf(undefined);
  return {
    models: [
      ...[...catalogue].flatMap(([name, { quantizations }]) => [
        name,
        ...quantizations.map((each) => `${name}:${each}`),
      ]),
      'nano',
      ...nano.map(({ ref }) => ref),
    ],
    devices: devices.map(({ id }) => id),
  };
}
