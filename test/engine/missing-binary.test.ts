import { describe, expect, it } from 'vitest';
import {
  isPublished,
  missingBinary,
  type Surroundings,
  surroundings,
} from '../../src/engine/missing-binary.ts';

const { published } = surroundings();
const on = (platform: NodeJS.Platform, arch: string, cLibrary: Surroundings['cLibrary'] = 'other') => ({
  platform,
  arch,
  cLibrary,
  published,
});

describe('missingBinary', () => {
  it('says on musl that the binaries need glibc, and what works', () => {
    const { message, hint } = missingBinary('off', 'auto', on('linux', 'x64', 'musl'));
    expect(message).toContain('need glibc');
    expect(hint).toContain('apk add git cmake g++ make');
    expect(hint).not.toContain('install again');
  });

  it('advises no installation of what is not published', () => {
    const termux = missingBinary('off', 'auto', on('android', 'arm64'));
    expect(termux.hint).toContain('pkg install git cmake clang make');
    const vulkan = missingBinary('vulkan', 'auto', on('linux', 'arm64', 'glibc'));
    expect(vulkan.message).toBe(
      'node-llama-cpp is published without vulkan for linux-arm64, and no local build has it',
    );
    expect(missingBinary('metal', 'auto', on('darwin', 'x64')).message).toContain(
      'without metal for darwin-x64',
    );
  });

  it('asks for the optional packages where they are published', () => {
    for (const [platform, arch] of [
      ['linux', 'x64'],
      ['darwin', 'arm64'],
      ['win32', 'arm64'],
    ] as const) {
      const { hint } = missingBinary('off', 'auto', on(platform, arch, 'glibc'));
      expect(hint).toContain('optional npm packages');
    }
  });
});

it('knows which binaries are published', () => {
  expect(isPublished('vulkan', on('linux', 'x64'))).toBe(true);
  expect(isPublished('cpu', on('darwin', 'arm64'))).toBe(false);
  expect(isPublished('metal', on('darwin', 'arm64'))).toBe(true);
});
