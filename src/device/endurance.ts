import { type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { Endurance } from '../schema/phones.ts';
import type { DeviceProfile } from './profiles.ts';

const YARDSTICK = ['yk-energy-qwen4b', 'yk-energy-llama3b', 'yk-energy-gemma', 'yk-energy-method'] as const;

/**
 * By device id. Left out: the energy range of MELT (arXiv 2403.12844), which is of several phones together and was read
 * second-hand, and runs on the Neural Engine, which llama.cpp cannot use.
 */
const PUBLISHED: Readonly<
  Record<string, { readonly [Key in keyof Endurance]?: Exclude<Endurance[Key], Unavailable> }>
> = {
  'iphone-13': {
    sustainedShare: {
      low: 0.72,
      high: 0.72,
      measured: 'TinyLlama-1.1B Q4_0 with llama.cpp on Metal, the fifth of five replies of 1,024 tokens',
      published: 'github.com/Umer9538/pocketroofline',
      sources: ['pr-readme'],
    },
  },
  'iphone-15': {
    sustainedShare: {
      low: 0.42,
      high: 0.42,
      measured:
        'TinyLlama-1.1B Q4_0 with llama.cpp on Metal, the fifth of five replies of 1,024 tokens on a 15 Plus, a fall that its author does not explain',
      published: 'github.com/Umer9538/pocketroofline',
      sources: ['pr-readme'],
    },
  },
  'iphone-16-pro': {
    sustainedShare: {
      low: 0.58,
      high: 0.58,
      measured: 'Qwen2.5-1.5B in 4 bits with MLX, the last of 20 runs in a row, quoted from its paper',
      published: 'arXiv 2603.23640',
      sources: ['ax-2603'],
    },
  },
  'iphone-17-pro': {
    sustainedShare: {
      low: 0.42,
      high: 0.74,
      measured:
        'models of 2 to 4 billion parameters in 4 bits with MLX, Core AI and LiteRT-LM, after ten minutes',
      published: 'github.com/john-rocky/apple-silicon-llm-bench',
      sources: YARDSTICK,
    },
    joulesPerToken: {
      low: 0.23,
      high: 0.32,
      measured:
        'models of 2 to 4 billion parameters in 4 bits with MLX, Core AI and LiteRT-LM, read from the battery, ±12 %',
      published: 'github.com/john-rocky/apple-silicon-llm-bench',
      sources: YARDSTICK,
    },
  },
};

/** What is known of phones that nobody measured: the only long run of llama.cpp that has been published. */
const UNNAMED_IOS =
  'an iOS device that its author does not name fell to 59 % at its slowest in four hours of Phi-3-mini Q4_K_M with llama.cpp (github.com/singhh5050/ios-llm-benchmarking-results)';

/** What published measurements say of long sessions on a phone; nothing is carried over from one phone to another. */
export function enduranceOf({ id, os }: Pick<DeviceProfile, 'id' | 'os'>): Endurance {
  const { sustainedShare, joulesPerToken } = PUBLISHED[id] ?? {};
  const hint = os === 'ios' ? `; ${UNNAMED_IOS}` : '';
  return {
    sustainedShare:
      sustainedShare ??
      unavailableBecause(`nobody has published how fast a long session is on this phone${hint}`),
    joulesPerToken:
      joulesPerToken ??
      unavailableBecause('the energy for a token has not been published for llama.cpp on any phone'),
  };
}
