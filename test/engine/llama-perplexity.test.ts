import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { type Side, STATISTICS } from '../../bench/parity/measured.ts';
import { ourSide } from '../../bench/parity/ours.ts';
import { peerSide } from '../../bench/parity/peer.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

// llama-perplexity itself, on the libraries that the engine loads: what differs is the tool alone.
const source = await findSource();
const ours = ourSide('prebuilt');
let peer: Side;

const nanoText = fileURLToPath(new URL('../../fixtures/nano/text.txt', import.meta.url));
/** Of several scripts, with what tokenizers treat by themselves: digits, emoji, combining marks, rare spaces. */
const SCRIPTS = [
  'The ferry leaves at 7:45, and the last one back is at 23:10; bring 12.50 in coins.',
  'Ο πλοίαρχος είπε ότι η θάλασσα θα είναι ήρεμη ως το βράδυ.',
  'Завтра утром мы поедем на рынок и купим свежую рыбу.',
  '明日の朝、駅前の市場で魚と野菜を買ってから帰ります。',
  'سنذهب غدًا إلى السوق لشراء السمك والخضار الطازجة.',
  'कल सुबह हम बाज़ार जाकर ताज़ी मछली खरीदेंगे।',
  'for (let i = 0; i < 10; i++) total += prices[i] ?? 0; // 🐟🥬 e\u0301\u00a0',
];

/** Within a share, and what llama-perplexity's last printed digit leaves open. */
function expectNear(ours: number, theirs: number, share: number, digit: number, what: string): void {
  expect(Math.abs(ours - theirs), `${what}: ${ours} beside ${theirs}`).toBeLessThanOrEqual(
    share * Math.abs(theirs) + digit / 2,
  );
}

describe.skipIf('missing' in source)('beside llama-perplexity', () => {
  beforeAll(async () => {
    if ('missing' in source) return;
    peer = peerSide(await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache));
  }, 600_000);

  it.each([256, 511, 512, 2048])('perplexity is the same in chunks of %i tokens', async (contextSize) => {
    // llama-perplexity evaluates up to four chunks of 512 side by side. Three would be cut into batches of 170 tokens
    // each, which llama.cpp rounds otherwise.
    const request = { file: nanoPath('Q4_K_M'), text: nanoText, contextSize, chunks: 4, threads: 1 };
    const [own, theirs] = [await ours.perplexity(request), await peer.perplexity(request)];
    expectNear(own.perplexity, theirs.perplexity, 1e-5, 1e-4, 'perplexity');
  });

  describe.skipIf(withoutRealModels !== null)('perplexity of a real model, in several scripts', () => {
    it.for([
      ['smollm2', 256],
      ['smollm2', 511],
      ['smollm2', 512],
      ['smollm2', 2048],
      ['gemma3', 256],
      ['gemma3', 511],
      ['gemma3', 512],
      ['gemma3', 2048],
    ] as const)('is the same: %s, chunks of %i tokens', async ([name, contextSize]) => {
      await using scratch = await scratchFolder();
      const text = scratch.path('scripts.txt');
      await writeFile(text, Array.from({ length: 30 }, () => SCRIPTS.join('\n')).join('\n\n'));
      const chunks = contextSize === 2048 ? 2 : 4;
      const request = { file: realModel(name), text, contextSize, chunks, threads: 1 };
      const [own, theirs] = [await ours.perplexity(request), await peer.perplexity(request)];
      expectNear(own.perplexity, theirs.perplexity, 1e-5, 1e-4, 'perplexity');
    });
  });

  it('either reads what the other wrote, and every statistic is the same', async () => {
    await using scratch = await scratchFolder();
    const request = {
      file: nanoPath('Q4_K_M'),
      reference: nanoPath('F16'),
      text: nanoText,
      contextSize: 512,
      chunks: 4,
      threads: 1,
    };
    for (const writer of [peer, ours]) {
      const base = scratch.path(`${writer === peer ? 'theirs' : 'ours'}.kld`);
      await writer.writeBase(request, base);
      const { statistics: own } = await ours.againstBase(request, base);
      const { statistics: theirs } = await peer.againstBase(request, base);
      for (const [name, unit] of Object.entries(STATISTICS)) {
        // The keys are those of the record.
        const statistic = name as keyof typeof STATISTICS;
        const share = unit === 'perplexity' ? 1e-5 : 1e-3;
        expectNear(own[statistic], theirs[statistic], share, unit === 'percent' ? 1e-3 : 1e-6, name);
      }
    }
    const { statistics: exact } = await ours.divergence(request);
    const { statistics: stored } = await peer.divergence(request);
    // Against a reference of its own nothing is rounded to 16 bits, nor clipped.
    for (const statistic of ['mean KLD', '99 % KLD', 'maximum KLD', 'RMS Δp', 'same top token'] as const) {
      expectNear(exact[statistic], stored[statistic], 2e-3, 1e-5, statistic);
    }
  });
});
