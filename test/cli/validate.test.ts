import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelCases } from '../../fixtures/make/model-cases.ts';
import { structureCases } from '../../fixtures/make/structure-cases.ts';
import { type TensorType, writeHeader } from '../../src/gguf/index.ts';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { RULES } from '../../src/validate/index.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const FIXTURES = 'fixtures/malformed';
const fixture = (rule: string): string => `${FIXTURES}/${rule.replace('/', '.')}.gguf`;

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/validation.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

/** The report that a run printed, checked against the published schema. */
function reportOf({ stdout, stderr }: CliResult): ValidationReport {
  expect(stderr).not.toMatch(/\n\s+at /);
  const json: unknown = JSON.parse(stdout);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  // The schema has just vouched for the shape.
  return json as ValidationReport;
}

const validate = (...args: string[]): Promise<CliResult> => quantscope(['validate', ...args]);

describe('validate on the fixtures', () => {
  let report: ValidationReport;
  beforeAll(async () => {
    const result = await validate('--json', FIXTURES);
    expect(result.exitCode).toBe(1);
    report = reportOf(result);
  });

  for (const rule of Object.keys({ ...structureCases(), ...modelCases() })) {
    it(`${rule}: its file breaks it and nothing else`, () => {
      const file = report.files.find(({ ref }) => ref === fixture(rule));
      const isNote = RULES[rule]?.severity === 'note';
      const broken = file?.diagnostics.filter(
        ({ severity, rule: other }) => severity !== 'note' || (isNote && other === rule),
      );
      expect([...new Set(broken?.map((one) => one.rule))]).toEqual([rule]);
      const verdict = { error: 'error', warning: 'warning', note: 'ok' } as const;
      expect(file?.verdict).toBe(verdict[RULES[rule]?.severity ?? 'note']);
    });
  }
});

interface Case {
  readonly file: string;
  readonly expected: string;
}

const SHARED = new URL('../../../shared/gguf-cases/', import.meta.url);
const sharedFolders = await readdir(SHARED).catch(() => []);

/** Rows of a table of cases; `?` is what llama.cpp itself did. */
async function casesOf(folder: string, column: string): Promise<Case[]> {
  const text = await readFile(new URL(`${folder}/expected.tsv`, SHARED), 'utf8');
  const [head = [], ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  return rows.map((row) => {
    const field = (name: string): string => row[head.indexOf(name)] ?? '';
    const loads = field('llama_cpp_default').startsWith('OK');
    const expected = field(column) === '?' ? (loads ? 'accept' : 'reject') : field(column);
    return { file: field('file'), expected };
  });
}

/** Cases that are about the header alone: their data is knowingly cut. */
const HEADER_ONLY = new Set(['align_64.gguf']);

describe.skipIf(sharedFolders.length === 0)(
  'validate on the shared cases (skipped where ../shared is absent)',
  () => {
    const runs = [
      ['test-gguf', 'expect_full', []],
      ['test-gguf', 'expect_header_only', ['--rules', 'header,metadata,tensor']],
      ['malformed', 'expect', []],
      ['semantic', 'expect', []],
    ] as const;
    for (const [folder, column, args] of runs) {
      it(`${folder}: every verdict is the one in the column ${column}, in one run of the command`, async () => {
        const path = new URL(folder, SHARED).pathname;
        const report = reportOf(await validate('--json', ...args, path));
        const verdicts = new Map(report.files.map(({ ref, verdict }) => [ref.split('/').at(-1), verdict]));
        const wrong = (await casesOf(folder, column)).filter(({ file, expected }) => {
          const verdict = verdicts.get(file);
          if (verdict === undefined) return true;
          if (HEADER_ONLY.has(file)) return false;
          if (expected === 'accept') return verdict === 'error';
          return verdict !== (expected === 'reject' ? 'error' : 'warning');
        });
        expect(wrong).toEqual([]);
      });
    }

    it('a header whose data is knowingly cut is accepted for itself', async () => {
      const path = new URL('malformed/align_64.gguf', SHARED).pathname;
      expect((await validate('--rules', 'header,metadata,tensor', path)).exitCode).toBe(0);
    });
  },
);

describe('validate', () => {
  it('finds nothing in the embedded family and ends with 0', async () => {
    const result = await validate('nano', '--severity', 'warning', '--json');
    expect(result.exitCode).toBe(0);
    expect(reportOf(result).files.map(({ verdict, diagnostics }) => [verdict, diagnostics])).toEqual(
      Array.from({ length: 4 }, () => ['ok', []]),
    );
  });

  it('prints a verdict for each file, where it is broken and what to do, and ends with 1', async () => {
    const { exitCode, stdout, stderr } = await validate(nanoPath('Q2_K'), fixture('tensor/offset'));
    expect(exitCode).toBe(1);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ok {7}\S*nano-phi3-Q2_K\.gguf {2}1\.7 MiB, sha256 [0-9a-f]{16}…$/m);
    expect(stdout).toMatch(
      /^ {2}error {4}tensor\/offset {2}tensor "t": offset \d+, expected \d+ \(byte \d+\)$/m,
    );
    expect(stdout).toMatch(/→ Download the file again; where it is the same/);
    expect(stdout).toMatch(/^2 files, 1 ok, 1 with errors$/m);
  });

  it('judges by the chosen rules alone', async () => {
    const result = await validate(fixture('tensor/offset'), '--rules', 'header,vocabulary/token-empty');
    expect(result.exitCode).toBe(0);
  });

  it('explains a rule, a group and all rules', async () => {
    const page = await validate('--explain', 'tensor/offset');
    expect(page.stdout).toMatch(
      /^tensor\/offset {2}error\n[\s\S]*Why it matters[\s\S]*gguf\.cpp:787[\s\S]*What to do/,
    );
    const all = await validate('--explain');
    expect(all.stdout.trimEnd().split('\n')).toHaveLength(Object.keys(RULES).length);
    expect((await validate('--explain', 'template')).stdout).toMatch(/CVE-2024-34359/);
  });

  it('ends with 2 and says why at wrong use', async () => {
    const wrong = [
      [[], /no file to check/],
      [['absent.gguf'], /absent\.gguf: no such file/],
      [[nanoPath('Q2_K'), '--rules', 'nothing/such'], /there is no rule "nothing\/such"/],
      [['--explain', 'nothing/such'], /there is no rule/],
      [[nanoPath('Q2_K'), '--format', 'xml'], /Allowed choices/],
      [[nanoPath('Q2_K'), '--sha256', 'abc'], /64 hexadecimal digits/],
      [[nanoPath('Q2_K'), nanoPath('Q8_0'), '--sha256', 'a'.repeat(64)], /one file/],
      [[nanoPath('Q2_K'), '--policy', 'absent.json'], /absent\.json cannot be read/],
    ] as const;
    for (const [args, message] of wrong) {
      const { exitCode, stderr } = await validate(...args);
      expect(exitCode, args.join(' ')).toBe(2);
      expect(stderr).toMatch(message);
    }
  });

  it('checks the header alone on request and reads no weights', async () => {
    const result = await validate('--no-content', '--json', fixture('content/nan'));
    expect(result.exitCode).toBe(0);
    expect(reportOf(result).files[0]?.sha256).toBeNull();
  });

  it('compares a given hash', async () => {
    const { files } = reportOf(await validate('--json', nanoPath('Q2_K')));
    const sha256 = files[0]?.sha256 ?? '';
    expect((await validate(nanoPath('Q2_K'), '--sha256', sha256.toUpperCase())).exitCode).toBe(0);
    const wrong = await validate(nanoPath('Q2_K'), '--sha256', 'a'.repeat(64));
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stdout).toMatch(/content\/sha256/);
  });

  it('takes folders with what is below them, patterns, and each file once', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('deep/er'), { recursive: true });
    await copyFile(nanoPath('Q2_K'), scratch.path('a.gguf'));
    await copyFile(nanoPath('Q2_K'), scratch.path('deep/er/b.gguf'));
    const names = async (...refs: string[]): Promise<string[]> => {
      const run = await quantscope(['validate', '--json', '--no-content', ...refs], { cwd: scratch.folder });
      return reportOf(run).files.map(({ ref }) => ref);
    };
    expect(await names('.', 'a.gguf')).toEqual(['a.gguf', 'deep/er/b.gguf']);
    expect(await names('**/b*.gguf')).toEqual(['deep/er/b.gguf']);
    expect(await names('.', '--shard', '2/2')).toEqual(['deep/er/b.gguf']);
  });

  it('writes a manifest of a good file, and says which tensor changed since', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('model.gguf');
    await copyFile(nanoPath('Q2_K'), path);
    expect((await validate(path, '--manifest', 'check')).stdout).toMatch(/content\/manifest-missing/);
    expect((await validate(path, '--manifest', 'write')).exitCode).toBe(0);
    expect((await validate(path, '--manifest', 'check')).exitCode).toBe(0);
    const bytes = await readFile(path);
    // A weight of the last tensor: the file ends with it and less than 32 bytes of padding.
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40);
    await writeFile(path, bytes);
    const changed = reportOf(await validate(path, '--manifest', 'check', '--json'));
    const found = changed.files[0]?.diagnostics.filter(({ rule }) => rule === 'content/manifest');
    expect(found?.map(({ tensor }) => tensor)).toEqual([undefined, 'blk.3.ffn_up.weight']);
  });

  it('writes no manifest of a file with errors', async () => {
    await using scratch = await scratchFolder();
    await copyFile(fixture('content/nan'), scratch.path('model.gguf'));
    expect((await validate(scratch.path('model.gguf'), '--manifest', 'write')).exitCode).toBe(1);
    expect(await readdir(scratch.folder)).toEqual(['model.gguf']);
  });

  it('holds files to the policy in the working folder, or to the one named', async () => {
    await using scratch = await scratchFolder();
    const policy = { architectures: ['phi3'], quantizations: ['Q4_K_M', 'Q8_0'] };
    await writeFile(scratch.path('quantscope.policy.json'), JSON.stringify(policy));
    const inFolder = (quantization: string) =>
      quantscope(['validate', '--no-content', nanoPath(quantization)], { cwd: scratch.folder });
    expect((await inFolder('Q4_K_M')).exitCode).toBe(0);
    const refused = await inFolder('Q2_K');
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toMatch(/policy\/quantization +quantization Q2_K, the policy allows Q4_K_M, Q8_0/);
    await writeFile(scratch.path('other.json'), JSON.stringify({ architecture: ['phi3'] }));
    const misspelt = await validate('--policy', scratch.path('other.json'), nanoPath('Q2_K'));
    expect(misspelt.exitCode).toBe(2);
    expect(misspelt.stderr).toMatch(/architecture/);
  });

  it('reports a file that cannot be read beside the others', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('folder.gguf'));
    await copyFile(nanoPath('Q2_K'), scratch.path('a.gguf'));
    await writeFile(scratch.path('b.gguf'), '');
    const { exitCode, stdout } = await validate(scratch.folder);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/header\/empty/);
  });

  it('loads a sound file in a process of its own, and survives one that kills it', async () => {
    const sound = await validate('--load', '--rules', 'load', nanoPath('Q2_K'));
    expect([sound.exitCode, sound.stdout]).toEqual([0, expect.stringMatching(/1 file, 1 ok/)]);
    const deadly = await validate('--load', '--rules', 'load', '--json', fixture('architecture/layer-count'));
    expect(deadly.exitCode).toBe(1);
    expect(reportOf(deadly).files[0]?.diagnostics[0]).toMatchObject({
      rule: 'load/crashed',
      severity: 'error',
    });
  });
});

describe('validate in other forms', () => {
  const two = [nanoPath('Q2_K'), fixture('tensor/offset')] as const;

  it('NDJSON: a whole report on a line for each file', async () => {
    const { stdout } = await validate('--ndjson', ...two);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(matchesPublishedSchema(JSON.parse(line))).toBe(true);
  });

  it('GitHub: an annotation for each finding', async () => {
    const { stdout } = await validate('--format', 'github', fixture('tensor/offset'));
    expect(stdout).toMatch(
      /^::error file=fixtures\/malformed\/tensor\.offset\.gguf,title=quantscope tensor\/offset::tensor "t"/,
    );
  });

  it('JUnit: a suite for each file, a case for each group of rules', async () => {
    const { stdout } = await validate('--format', 'junit', ...two);
    expect(stdout).toMatch(/<testsuites name="quantscope validate" tests="28" failures="1" errors="0">/);
    expect(stdout).toMatch(
      /<testcase classname="fixtures\/malformed\/tensor\.offset\.gguf" name="tensor">\n {6}<failure message="tensor &quot;t&quot;/,
    );
  });

  it('SARIF: rules, results with byte offsets, and files with hashes', async () => {
    const { stdout } = await validate('--format', 'sarif', ...two);
    const { version, runs } = JSON.parse(stdout);
    expect(version).toBe('2.1.0');
    const [{ tool, results, artifacts }] = runs;
    const found = results.find((result: { ruleId: string }) => result.ruleId === 'tensor/offset');
    expect(tool.driver.rules[found.ruleIndex].id).toBe('tensor/offset');
    expect(found).toMatchObject({
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: fixture('tensor/offset'), index: 1 },
            region: { byteLength: 1 },
          },
        },
      ],
    });
    expect(artifacts[0].hashes['sha-256']).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('validate --device', () => {
  /** Of a file of one matrix of that type. */
  const deviceRules = async (architecture: string, type: TensorType, phone: string) => {
    await using scratch = await scratchFolder();
    const file = scratch.path('model.gguf');
    const bytes = writeHeader({
      metadata: [['general.architecture', { type: 'string', value: architecture }]],
      tensors: [{ name: 'blk.0.ffn_down.weight', type, shape: [256, 4] }],
    });
    await writeFile(file, bytes);
    const [report] = reportOf(await validate('--json', '--rules', 'device', '--device', phone, file)).files;
    return report?.diagnostics.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`);
  };

  it('says what a phone’s GPU leaves to the CPU, and what ends the app', async () => {
    expect(await deviceRules('llama', 'Q2_K', 'galaxy-s23')).toEqual([
      expect.stringContaining('warning device/kernels: opencl of Samsung Galaxy S23 has no kernel for Q2_K'),
      expect.stringContaining('warning device/kernels: hexagon of Samsung Galaxy S23 has no kernel for Q2_K'),
    ]);
    expect(await deviceRules('llama', 'Q2_K', 'iphone-13-pro')).toEqual([]);
    expect(await deviceRules('llama', 'NVFP4', 'iphone-13-pro')).toEqual([
      expect.stringMatching(/^warning device\/kernels: metal of iPhone 13 Pro has no kernel for NVFP4/),
    ]);
    expect(await deviceRules('llama', 'TQ1_0', 'iphone-13-pro')).toEqual([
      expect.stringMatching(/^error device\/kernels: .* takes matrices of TQ1_0/),
    ]);
  });

  it('says that llama.rn does not know the architecture', async () => {
    expect(await deviceRules('granite_swa', 'Q8_0', 'galaxy-s23')).toEqual([
      expect.stringContaining(
        'error device/unknown: llama.rn 0.12.9 does not know the architecture granite_swa',
      ),
    ]);
  });

  it('knows no other phones than fit', async () => {
    const { exitCode, stderr } = await validate('--device', 'galxy-s23', nanoPath('Q4_K_M'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('galaxy-s23');
  });
});
