import { z } from 'zod';
import { count, type Document, orUnavailable } from './parts.ts';

/** A model that is used for minutes: a curve of its speed, and what is made of it. Of `bench --minutes` and of the kit. */

/** Longer than any run: a hostile file ends here and not in memory. */
const MOST_WINDOWS = 100_000;

const positive = z.number().positive();
/** No device comes near it; a figure beyond is no measurement. */
const tps = positive.max(1e6);
const seconds = z.number().nonnegative().max(1e7);
const percent = z.number().min(0).max(100);
const word = z.string().min(1).max(100);

/** What a device says of itself at one moment; what it does not say is absent. */
export const deviceState = z.strictObject({
  celsius: z.number().min(-100).max(1000).optional(),
  sensor: word.optional().describe('Which one is the hottest.'),
  clockShare: z
    .number()
    .min(0)
    .max(10)
    .optional()
    .describe('The fastest core’s clock, or what the system allows, as a share of the highest.'),
  thermalState: word.optional().describe('In the words of the system.'),
  batteryPercent: percent.optional(),
  charging: z.boolean().optional(),
});

/** Turns of a chat, each a prompt and a generation from an empty cache, that ended one after the other. */
export const sustainedWindow = z.strictObject({
  startS: seconds.describe('Since the run began.'),
  endS: seconds,
  turns: count,
  promptTokens: count,
  promptTps: tps.nullable().describe('Null without prompts.'),
  generatedTokens: z.int().positive(),
  generationTps: tps,
  state: deviceState.describe('At its end.'),
});

const sustainedSpeed = z.strictObject({
  startTps: positive.describe(
    'The median of the windows that begin in the first 30 s, at most a tenth of the run.',
  ),
  sustainedTps: positive.describe('The median of the last third.'),
  sustainedShare: positive.describe('Of the speed at the start.'),
  throttledAfterS: orUnavailable(seconds).describe(
    'From when on the speed, a running median of three windows, stays below 90 % of that at the start.',
  ),
});

const change = z.strictObject({ start: z.number(), end: z.number(), least: z.number(), most: z.number() });

/** What a run says, whoever measured it. */
export const sustained = z.strictObject({
  minutes: positive.describe('That were asked for.'),
  seconds: seconds.describe('That it ran.'),
  generation: orUnavailable(sustainedSpeed),
  prompt: orUnavailable(sustainedSpeed),
  energy: orUnavailable(
    z.strictObject({
      joulesPerToken: orUnavailable(positive).describe('Of the whole run, for a generated token.'),
      percentPer1000Tokens: orUnavailable(positive).describe('Of the battery.'),
      within: z.number().nonnegative().optional().describe('How far off both may be, as a share.'),
      source: z.string(),
    }),
  ),
  celsius: orUnavailable(change),
  clockShare: orUnavailable(change),
  batteryPercent: orUnavailable(change),
  thermalStates: orUnavailable(z.array(word)).describe('Those that followed one another.'),
  before: deviceState,
  windows: z.array(sustainedWindow).max(MOST_WINDOWS),
});

export type DeviceState = Document<typeof deviceState>;
export type SustainedWindow = Document<typeof sustainedWindow>;
export type SustainedSpeed = Document<typeof sustainedSpeed>;
export type Sustained = Document<typeof sustained>;
export type Energy = Sustained['energy'];
