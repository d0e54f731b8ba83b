import { locateRefs } from '../../hub/locate.ts';
import { isLocalRef } from '../../hub/ref.ts';
import { resolveRefs } from '../../hub/resolve.ts';
import { packagePath } from '../../util/package-files.ts';
import type { Host } from '../host.ts';
import { onlyOne } from '../refs/opened-model.ts';

/**
 * The paths of two models, each its file or first shard. What is not on this machine is downloaded, once it is known
 * that each ref stands for one model. The Hub's code is loaded only for what may need it.
 * @throws UsageError `ref/*`, `catalogue/*`, `pull/declined`; QuantscopeError `hub/*`
 */
export async function modelPaths(
  refs: readonly [string, string],
  host: Required<Host>,
): Promise<readonly [string, string]> {
  const isHere = refs.every(isLocalRef);
  const access = isHere ? { nanoFolder: packagePath('fixtures/nano') } : await remoteAccess(host.signal);
  const [a, b] = [
    onlyOne(refs[0], await locateRefs([refs[0]], access)),
    onlyOne(refs[1], await locateRefs([refs[1]], access)),
  ];
  const files = isHere ? await resolveRefs(refs, access) : await downloaded(refs, host);
  // Two names of one file are one file, the first.
  const pathOf = (ref: string): string => (files.find((file) => file.ref === ref) ?? files[0])?.path ?? '';
  return [pathOf(a.ref), pathOf(b.ref)];
}

async function remoteAccess(signal: AbortSignal) {
  const { refAccess } = await import('../refs/ref-access.ts');
  return { ...(await refAccess({ signal })), listings: new Map() };
}

async function downloaded(refs: readonly string[], host: Required<Host>) {
  const { filesOf } = await import('../refs/files-on-disk.ts');
  return filesOf(refs, host);
}
