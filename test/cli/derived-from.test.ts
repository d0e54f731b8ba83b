import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../src/gguf/index.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
}

/** What is said of where a file comes from. */
async function provenance(path: string, base: string): Promise<Finding[]> {
  const { stdout } = await quantscope([
    'validate',
    path,
    '--derived-from',
    base,
    '--json',
    '--rules',
    'provenance',
  ]);
  const { diagnostics } = JSON.parse(stdout).files[0];
  return diagnostics.filter(({ rule }: Finding) => rule.includes('derived'));
}

describe('validate --derived-from', () => {
  it.each(['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'])('proves nano:%s tensor by tensor', async (name) => {
    expect(await provenance(nanoPath(name), nanoPath('F16'))).toEqual([
      {
        rule: 'provenance/derived',
        severity: 'note',
        message: `27 of 27 tensors are proven to come from ${nanoPath('F16')}`,
      },
    ]);
  });

  it('names the tensor that was changed by a byte', async () => {
    await using scratch = await scratchFolder();
    const bytes = await readFile(nanoPath('Q4_K_M'));
    const { dataOffset, tensors } = parseHeader(bytes);
    const tensor = tensors.find(({ name }) => name === 'blk.2.ffn_down.weight');
    const at = dataOffset + (tensor?.offset ?? 0) + 1000;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(scratch.path('changed.gguf'), bytes);
    expect(await provenance(scratch.path('changed.gguf'), nanoPath('F16'))).toEqual([
      expect.objectContaining({
        rule: 'provenance/not-derived',
        severity: 'error',
        message: expect.stringMatching(
          /^1 of 27 tensors are not what llama\.cpp v0\.5\.0 makes of the base: blk\.2\.ffn_down\.weight \(Q\d_K\)$/,
        ),
      }),
      expect.objectContaining({ message: expect.stringMatching(/^26 of 27 tensors/) }),
    ]);
  });

  it('cannot decide of a file that keeps its importance matrix to itself', async () => {
    await using scratch = await scratchFolder();
    const [imatrix, made] = [scratch.path('imatrix.gguf'), scratch.path('made.gguf')];
    const common = ['--quiet', '-t', '1'];
    await quantscope(['imatrix', nanoPath('F16'), '--text', nanoPath('text'), '--out', imatrix, ...common]);
    await quantscope(['quantize', nanoPath('F16'), 'Q4_K_M', '--imatrix', imatrix, '--out', made, ...common]);
    const bytes = await readFile(made);
    // Under another name the keys say nothing to anybody.
    const hidden = bytes.toString('latin1').replaceAll('quantize.imatrix.', 'quantize.xmatrix.');
    await writeFile(made, Buffer.from(hidden, 'latin1'));
    const found = await provenance(made, nanoPath('F16'));
    expect(found.map(({ rule }) => rule)).not.toContain('provenance/not-derived');
    expect(found).toContainEqual(
      expect.objectContaining({
        rule: 'provenance/derived-undecided',
        severity: 'warning',
        message: expect.stringContaining(
          'an importance matrix that the file does not state may have changed them',
        ),
      }),
    );
  });
});
