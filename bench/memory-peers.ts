/**
 * Cache and compute buffer of models of real shapes, by quantscope's formulas, gguf-parser-go v0.28.2 and node-llama-cpp's
 * formulas, beside llama.cpp's own plan; of headers alone. Prints a table in Markdown; without Go its column is empty.
 *
 *     npm run build && npx tsx bench/memory-peers.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GgufInsights, getLlama, readGgufFileInfo } from 'node-llama-cpp';
import { startEngineProcess } from '../dist/index.js';
import { footprint } from '../src/device/footprint.ts';
import { readHeader } from '../src/gguf/index.ts';
import { openFile } from '../src/io/index.ts';
import { REAL_SHAPES } from '../test/helpers/real-shapes.ts';
import { engineFolder, writeSmallModels } from '../test/helpers/small-model-files.ts';

const CONTEXT = 8192;
const BATCH = 512;

const GO_PROGRAM = `package main

import (
	"fmt"
	"os"

	parser "github.com/gpustack/gguf-parser-go"
)

func main() {
	for _, path := range os.Args[1:] {
		file, err := parser.ParseGGUFFile(path)
		if err != nil {
			panic(err)
		}
		cpu := file.EstimateLLaMACppRun(parser.WithLLaMACppOffloadLayers(0), parser.WithLLaMACppContextSize(${CONTEXT}),
			parser.WithLLaMACppPhysicalBatchSize(${BATCH}), parser.WithFlashAttention()).Devices[0]
		fmt.Println(uint64(cpu.KVCache.Sum()) + uint64(cpu.Computation.Sum()))
	}
}
`;

function byGgufParser(folder: string, paths: readonly string[]): (number | null)[] {
  const options = {
    cwd: join(folder, 'peer'),
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, GOPATH: join(folder, 'go'), GOFLAGS: '-modcacherw' },
  } as const;
  try {
    mkdirSync(join(folder, 'peer'));
    writeFileSync(join(folder, 'peer', 'main.go'), GO_PROGRAM);
    execFileSync('go', ['mod', 'init', 'peers'], options);
    execFileSync('go', ['get', 'github.com/gpustack/gguf-parser-go@v0.28.2'], options);
    execFileSync('go', ['mod', 'tidy'], options);
    const lines = execFileSync('go', ['run', '.', ...paths], options)
      .trim()
      .split('\n');
    return lines.map(Number);
  } catch {
    return paths.map(() => null);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'quantscope-peers-'));
try {
  const files = writeSmallModels(engineFolder() ?? '', folder, REAL_SHAPES);
  const refused = files.find(({ why }) => why !== null);
  if (refused !== undefined) throw new Error(`${refused.architecture}: ${refused.why}`);
  const paths = files.map(({ path }) => path);
  const parsed = byGgufParser(folder, paths);
  const llama = await getLlama({ gpu: false, build: 'never' });
  await using session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 120_000 });
  const off = (bytes: number | null | undefined, planned: number) =>
    bytes === null || bytes === undefined
      ? '-'
      : `${bytes < planned ? '' : '+'}${(100 * (bytes / planned - 1)).toFixed(1)} %`;
  const lines = [
    '| model, 8,192 tokens | planned | quantscope | gguf-parser-go | node-llama-cpp |',
    '| --- | --: | --: | --: | --: |',
  ];
  for (const [index, path] of paths.entries()) {
    const context = {
      contextSize: CONTEXT,
      sequences: 1,
      batchSize: BATCH,
      flashAttention: 'on',
      keyType: 'f16',
      valueType: 'f16',
    } as const;
    const [plan] = await session.planMemory({ path, gpuLayers: 0 }, [context]);
    if (plan === undefined || 'refused' in plan) throw new Error(`${path}: no plan`);
    const planned = (plan.kvBytes ?? 0) + (plan.computeBytes ?? 0);
    await using source = await openFile(path);
    const own = footprint(await readHeader(source), { contextSize: CONTEXT, microBatch: BATCH });
    const insights = await GgufInsights.from(await readGgufFileInfo(path), llama);
    const { cpuRam } = insights.estimateContextResourceRequirements({
      contextSize: CONTEXT,
      batchSize: BATCH,
      modelGpuLayers: 0,
      sequences: 1,
      flashAttention: true,
    });
    const ownBytes = own === null ? null : own.kvBytes + own.stateBytes + own.computeBytes;
    const row = [
      REAL_SHAPES[index]?.name,
      `${(planned / 2 ** 20).toFixed(1)} MiB`,
      off(ownBytes, planned),
      off(parsed[index], planned),
      off(cpuRam, planned),
    ];
    lines.push(`| ${row.join(' | ')} |`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  await llama.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
