import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { learnedSpeed } from '../../device/kit-check.ts';
import { findDevice } from '../../device/profiles.ts';
import { takeLock } from '../../hub/lock.ts';
import type { KitGolden, KitResults } from '../../schema/kit.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { makeFolder } from '../../util/make-folder.ts';
import { writeOutput } from '../../util/output-file.ts';
import { devicesOf, devicesPath } from '../fit/device-catalogue.ts';

const OTHER_FILE = 'Name another file with --devices.';

interface DevicesFile {
  readonly devices?: readonly unknown[];
  readonly learned?: readonly { readonly device?: unknown }[];
}

/**
 * Adds the phone's speed to the user's devices file, which is made where there is none; all else in it stays. Of
 * several processes one after the other does, so that none loses what another has added.
 * @returns the file's path
 * @throws UsageError `kit/which-device`, `kit/nothing-measured`, `device/unknown`, what reading the file throws
 */
export async function learnSpeed(
  golden: KitGolden,
  results: KitResults,
  named: { readonly device?: string; readonly devices?: string },
  signal: AbortSignal,
): Promise<string> {
  const name = named.device ?? golden.expected.device?.id;
  if (name === undefined) {
    throw new UsageError(
      'kit/which-device',
      'the kit was written for no phone in particular, so fit would not find the speed',
      {
        hint: 'Name the phone with --device.',
      },
    );
  }
  const { path } = devicesPath(named.devices);
  await using _ = await lockOf(path, signal);
  const isNew = !existsSync(path);
  // Reads the file as fit will, so that a broken one is told and not added to.
  const device = findDevice(name, await devicesOf(isNew ? undefined : path));
  const row = learnedSpeed(golden, results, device);
  if (row === null) {
    throw new UsageError('kit/nothing-measured', 'the phone measured no speed that could be kept', {
      hint: 'bench.reason in the results says why.',
    });
  }
  const before: DevicesFile = isNew ? { devices: [] } : JSON.parse(await boundedText(path));
  const learned = [...(before.learned ?? []).filter((each) => !isSameRow(each, row)), row];
  await writeOutput(path, `${JSON.stringify({ ...before, learned }, null, 2)}\n`, OTHER_FILE);
  return path;
}

async function lockOf(path: string, signal: AbortSignal): Promise<AsyncDisposable> {
  try {
    await makeFolder(dirname(path));
    // Two names of one file have one lock.
    const real = await realpath(path).catch(() => path);
    return await takeLock(`${real}.lock`, {
      signal,
      sleep: (ms, stop) => wait(ms, undefined, { signal: stop }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): UsageError {
  return new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
    cause,
    hint: OTHER_FILE,
  });
}

/** A file that is checked twice is kept once. */
function isSameRow(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
