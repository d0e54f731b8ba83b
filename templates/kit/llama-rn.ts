// Written by quantscope. The parameters below were chosen for one model and one phone; everything else is the same
// in every kit. Made for llama.rn 0.12.9.
import {
  BuildInfo,
  type CompletionParams,
  type ContextParams,
  initLlama,
  type LlamaContext,
  type NativeCompletionResult,
  type RNLlamaOAICompatibleMessage,
} from 'llama.rn';

// <parameters>
export const contextParams: Omit<ContextParams, 'model'> = {};
// </parameters>

/**
 * Loads the model. Release it with `context.release()`: when the chat is closed, and when the
 * system says that memory runs low (`AppState.addEventListener('memoryWarning', ...)`).
 * @param onProgress percent of the file that is loaded
 * @throws Error with what llama.rn says; a file that is not whole and too little memory look alike there
 */
export async function loadModel(
  modelPath: string,
  onProgress?: (percent: number) => void,
  params: Partial<ContextParams> = {},
): Promise<LlamaContext> {
  try {
    return await initLlama({ ...contextParams, ...params, model: modelPath }, onProgress);
  } catch (error) {
    throw new Error(
      `${modelPath} cannot be loaded: ${messageOf(error)}. Is the file whole, and is there memory for it? ` +
        'A smaller n_ctx takes less.',
      { cause: error },
    );
  }
}

/** llama.rn keeps what one completion sets for the next: to have a default back, ask for it. */
export const chatParams: CompletionParams = {
  n_predict: 512,
  temperature: 0.7,
  top_k: 40,
  top_p: 0.95,
  min_p: 0.05,
  n_probs: 0,
};

/**
 * One reply of a chat. llama.rn renders the messages with the chat template inside the model's file and keeps the
 * tokens of the turns before, so a long conversation is not read again. `await context.stopCompletion()` ends it early.
 * The result's `text` is the reply; `context_full` says that the conversation has outgrown n_ctx: leave the oldest
 * turns out and ask again.
 */
export function chat(
  context: LlamaContext,
  messages: RNLlamaOAICompatibleMessage[],
  onText?: (text: string) => void,
): Promise<NativeCompletionResult> {
  return context.completion({ ...chatParams, messages, jinja: true }, ({ token }) => onText?.(token));
}

/** golden.json: what the same file answers on a computer. */
export interface KitGolden {
  readonly schema: string;
  readonly id: string;
  readonly model: { readonly sha256: string; readonly bos: { readonly token: number } | null };
  readonly bench: { readonly promptTokens: number; readonly generatedTokens: number };
  readonly candidates: number;
  readonly prompts: readonly KitGoldenPrompt[];
}

export interface KitGoldenPrompt {
  readonly name: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Without BOS, which llama.rn adds itself where the model wants it. */
  readonly text: string;
  readonly tokens: readonly number[];
  readonly reply: {
    /** A reply that ends by itself has its end token as the last. */
    readonly ends: boolean;
    readonly steps: readonly {
      readonly token: number;
      readonly top: readonly { readonly token: number }[];
    }[];
  };
}

export interface KitOptions {
  /** The same file that the kit was written for. */
  readonly modelPath: string;
  readonly golden: KitGolden;
  /** What the app knows of the phone; `name` is what `quantscope kit check` shows. */
  readonly device: {
    readonly name: string;
    readonly os?: string;
    readonly osVersion?: string;
    readonly memoryBytes?: number;
  };
  /** Of the file on the phone, where the app knows it; else the model is recognized by its size. */
  readonly modelSha256?: string;
  /** Bytes of memory the app uses now, such as getUsedMemory of react-native-device-info. */
  readonly usedMemory?: () => Promise<number>;
  /** Minutes of a chat's turns, one after the other, to see how the speed lasts; 10 show it. Default: none. */
  readonly sustainedMinutes?: number;
  /** What the phone says of itself now, over those minutes: React Native has none of it, the README's packages do. */
  readonly readDevice?: () => KitDeviceState | Promise<KitDeviceState>;
  /** Asked after each turn; true ends the minutes early, and keeps what was measured. */
  readonly isStopped?: () => boolean;
  /** Laid over `contextParams`. */
  readonly params?: Partial<ContextParams>;
  /** Default: 3. */
  readonly repetitions?: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** What is left out, or out of range, is not told. */
export interface KitDeviceState {
  /** 0 to 100. */
  readonly batteryPercent?: number | undefined;
  readonly charging?: boolean | undefined;
  /** In the words of the system: `nominal`, `serious`, `THERMAL_STATUS_SEVERE`. */
  readonly thermalState?: string | undefined;
  readonly celsius?: number | undefined;
}

/** Turns that ended one after the other; seconds since the run began. */
export interface KitWindow {
  readonly startS: number;
  readonly endS: number;
  readonly turns: number;
  readonly promptTokens: number;
  readonly promptTps: number;
  readonly generatedTokens: number;
  readonly generationTps: number;
  readonly state: KitDeviceState;
}

interface Missing {
  readonly status: 'unavailable';
  readonly reason: string;
}

/** A token as llama.rn reports it: by its text. The id is the golden one whose text it has, or null. */
export interface KitToken {
  readonly id: number | null;
  readonly text: string;
}

export interface KitReplay {
  readonly name: string;
  /** Ids that the phone made of the golden text, BOS included where the model adds it. */
  readonly promptTokens: readonly number[];
  /** What the model's chat template gave on the phone. */
  readonly formattedPrompt: string;
  readonly reply: {
    readonly text: string;
    readonly stop: 'end' | 'length';
    readonly tokens: readonly KitToken[];
  };
  /** The distribution after each golden token, whatever the phone itself would have said before. */
  readonly forced: readonly (
    | { readonly step: number; readonly top: readonly (KitToken & { readonly logProb: number })[] }
    | ({ readonly step: number } & Missing)
  )[];
}

export interface KitResults {
  readonly schema: 'quantscope/kit-results@1';
  readonly createdAt: string;
  readonly device: KitOptions['device'];
  readonly library: { readonly name: 'llama.rn'; readonly build: string; readonly commit: string };
  readonly golden: { readonly id: string; readonly modelSha256: string };
  readonly model: {
    readonly sha256: string | null;
    readonly description: string;
    readonly tensorBytes: number | null;
    readonly parameters: number | null;
  };
  readonly parameters: Record<string, unknown>;
  readonly backend: {
    readonly gpu: boolean;
    readonly reasonNoGpu: string;
    readonly devices: readonly string[];
    readonly systemInfo: string;
  };
  readonly loadMs: number;
  readonly memory:
    | {
        readonly status: 'ok';
        readonly beforeLoadBytes: number;
        readonly afterLoadBytes: number;
        readonly afterRunBytes: number;
      }
    | Missing;
  readonly bench:
    | {
        readonly status: 'ok';
        readonly promptTokens: number;
        readonly generatedTokens: number;
        readonly repetitions: number;
        readonly promptTps: number;
        /** After the prompt: llama.rn generates at the prompt's depth. */
        readonly generationTps: number;
        readonly flashAttention: number | null;
        readonly threads: number | null;
      }
    | Missing;
  readonly sustained:
    | {
        readonly status: 'ok';
        readonly minutes: number;
        readonly before: KitDeviceState;
        readonly windows: readonly KitWindow[];
        readonly brokenOff: string | null;
      }
    | Missing;
  readonly replays: readonly KitReplay[];
}

/**
 * Loads the model, times it, uses it for minutes where that is asked for, replays the golden prompts and lets go of
 * it. Takes a minute or a few besides; nothing else should run, and the app stays in front. The result is JSON for
 * `quantscope kit check`.
 */
export async function runQuantscopeKit(options: KitOptions): Promise<KitResults> {
  const { modelPath, golden, device, repetitions = 3, onProgress } = options;
  const total = golden.prompts.length + 2;
  onProgress?.(0, total, 'load');
  const beforeLoad = await memoryNow(options);
  const started = Date.now();
  const context = await loadModel(modelPath, undefined, options.params);
  const loadMs = Date.now() - started;
  try {
    const afterLoad = await memoryNow(options);
    onProgress?.(1, total, 'bench');
    const bench = await benchmark(context, golden.bench, repetitions);
    const sustained = await sustain(context, options, (left) =>
      onProgress?.(2, total, `chat, ${left} s left`),
    );
    const replayer = await openReplayer(context, golden);
    const replays: KitReplay[] = [];
    for (const prompt of golden.prompts) {
      onProgress?.(2 + replays.length, total, prompt.name);
      replays.push(await replayer.replay(prompt));
    }
    const afterRun = await memoryNow(options);
    onProgress?.(total, total, 'done');
    const { size, nParams, desc } = context.model;
    return {
      schema: 'quantscope/kit-results@1',
      createdAt: new Date().toISOString(),
      device,
      library: { name: 'llama.rn', build: BuildInfo.number, commit: BuildInfo.commit },
      golden: { id: golden.id, modelSha256: golden.model.sha256 },
      model: {
        sha256: options.modelSha256 ?? null,
        description: desc,
        tensorBytes: numberOrNull(size),
        parameters: numberOrNull(nParams),
      },
      parameters: { ...contextParams, ...options.params },
      backend: {
        gpu: context.gpu,
        reasonNoGpu: context.reasonNoGPU,
        devices: context.devices ?? [],
        systemInfo: context.systemInfo,
      },
      loadMs,
      memory:
        beforeLoad === null || afterLoad === null || afterRun === null
          ? missing('the app gave no usedMemory function, or it failed')
          : {
              status: 'ok',
              beforeLoadBytes: beforeLoad,
              afterLoadBytes: afterLoad,
              afterRunBytes: afterRun,
            },
      bench,
      sustained,
      replays,
    };
  } finally {
    await context.release();
  }
}

async function benchmark(
  context: LlamaContext,
  { promptTokens, generatedTokens }: KitGolden['bench'],
  repetitions: number,
): Promise<KitResults['bench']> {
  try {
    // Its warm-up begins at position 0 and fails where something is cached already.
    await context.clearCache();
    const result = await context.bench(promptTokens, generatedTokens, 1, repetitions);
    // A failure is in the log alone; the numbers are then undefined or 0.
    if (!(result.speedPp > 0) || !(result.speedTg > 0)) {
      return missing('bench returned no speeds: is n_ctx large enough?');
    }
    return {
      status: 'ok',
      promptTokens,
      generatedTokens,
      repetitions,
      promptTps: result.speedPp,
      generationTps: result.speedTg,
      flashAttention: numberOrNull(result.flashAttn),
      threads: numberOrNull(result.nThreads),
    };
  } catch (error) {
    return missing(`bench failed: ${messageOf(error)}`);
  }
}

/** Tokens of a prompt that a person types. */
const TURN_PROMPT = 64;

/** A prompt and a reply of a chat's length, as the bench times them, until the minutes are over. */
async function sustain(
  context: LlamaContext,
  options: KitOptions,
  onTurn: (secondsLeft: number) => void,
): Promise<KitResults['sustained']> {
  const { golden, sustainedMinutes: minutes, isStopped } = options;
  if (minutes === undefined || !(minutes > 0)) return missing('the app gave no sustainedMinutes');
  const turn = { promptTokens: TURN_PROMPT, generatedTokens: golden.bench.generatedTokens };
  const totalS = minutes * 60;
  const windowS = Math.min(10, Math.max(1, totalS / 30));
  const before = await deviceNow(options);
  const windows: KitWindow[] = [];
  let brokenOff: string | null = null;
  const started = Date.now();
  let startS = 0;
  let open = { turns: 0, promptS: 0, generationS: 0 };
  for (let endS = 0; endS < totalS && brokenOff === null; ) {
    const timed = await benchmark(context, turn, 1);
    if (timed.status === 'unavailable') {
      brokenOff = timed.reason;
    } else {
      open = {
        turns: open.turns + 1,
        promptS: open.promptS + turn.promptTokens / timed.promptTps,
        generationS: open.generationS + turn.generatedTokens / timed.generationTps,
      };
      if (isStopped?.() === true) brokenOff = 'the app stopped it';
    }
    // A clock that is set back meanwhile makes a longer window, not one that ends before it began.
    endS = Math.max(endS, (Date.now() - started) / 1000);
    const isOver = endS - startS >= windowS || endS >= totalS || brokenOff !== null;
    if (isOver && open.turns > 0 && endS > startS) {
      const { turns, promptS, generationS } = open;
      const promptTokens = turns * turn.promptTokens;
      const generatedTokens = turns * turn.generatedTokens;
      windows.push({
        startS,
        endS,
        turns,
        promptTokens,
        promptTps: promptTokens / promptS,
        generatedTokens,
        generationTps: generatedTokens / generationS,
        state: await deviceNow(options),
      });
      startS = endS;
      open = { turns: 0, promptS: 0, generationS: 0 };
    }
    onTurn(Math.max(0, Math.round(totalS - endS)));
  }
  if (windows.length === 0) return missing(brokenOff ?? 'the clock stood still');
  return { status: 'ok', minutes, before, windows, brokenOff };
}

/** What can be true of what the app tells: libraries say -1 where they do not know. */
async function deviceNow({ readDevice }: KitOptions): Promise<KitDeviceState> {
  try {
    const { batteryPercent, charging, thermalState, celsius } = (await readDevice?.()) ?? {};
    const within = (value: unknown, least: number, most: number): value is number =>
      typeof value === 'number' && value >= least && value <= most;
    return {
      ...(within(batteryPercent, 0, 100) ? { batteryPercent } : {}),
      ...(typeof charging === 'boolean' ? { charging } : {}),
      ...(typeof thermalState === 'string' && thermalState !== ''
        ? { thermalState: thermalState.slice(0, 100) }
        : {}),
      ...(within(celsius, -100, 1000) ? { celsius } : {}),
    };
  } catch {
    return {};
  }
}

/** Everything that would change the logits or choose among them is named, for the settings outlast a completion. */
const PLAIN: CompletionParams = {
  seed: 1,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  typical_p: 1,
  top_n_sigma: -1,
  xtc_probability: 0,
  mirostat: 0,
  penalty_last_n: 0,
  penalty_repeat: 1,
  penalty_freq: 0,
  penalty_present: 0,
  dry_multiplier: 0,
  ignore_eos: false,
};
/** How a token without text is reported. */
const NO_TEXT = new Set(['', '<UNKNOWN>']);

async function openReplayer(context: LlamaContext, { candidates, model }: KitGolden) {
  const bos = model.bos === null ? [] : [model.bos.token];
  const once = (params: CompletionParams) => context.completion({ ...PLAIN, ...params });
  const probe: CompletionParams = { prompt: 'a', n_predict: 1, temperature: 0, n_probs: 1 };
  await context.clearCache();
  const first = (await once(probe)).completion_probabilities?.length ?? 0;
  let listed = (await once(probe)).completion_probabilities?.length ?? 0;
  // llama.rn 0.12.9 adds to the probabilities of the completions before; a version that begins anew is as welcome.
  const isCumulative = listed > first;

  const complete = async (params: CompletionParams) => {
    const result = await once(params);
    const all = result.completion_probabilities ?? [];
    const probabilities = isCumulative ? all.slice(listed) : all;
    listed = all.length;
    return { result, probabilities };
  };

  const replay = async (prompt: KitGoldenPrompt): Promise<KitReplay> => {
    const { name, messages, text, tokens, reply } = prompt;
    const tokenize = async (whole: string) => [...bos, ...(await context.tokenize(whole)).tokens];
    const formatted = await context.getFormattedChat([...messages], null, { jinja: true });
    await context.clearCache();
    const { result, probabilities } = await complete({
      prompt: text,
      n_predict: Math.max(1, reply.steps.length),
      temperature: 0,
      n_probs: 1,
    });
    const last = probabilities[probabilities.length - 1];
    const isEnd = Boolean(result.stopped_eos) && last !== undefined && NO_TEXT.has(last.content);
    const said = isEnd ? probabilities.slice(0, -1) : probabilities;
    const replyTokens: KitToken[] = [];
    for (const [step, { content }] of said.entries()) {
      replyTokens.push({ id: await idOf(content, reply.steps[step]?.top), text: content });
    }
    const forced: KitReplay['forced'][number][] = [];
    for (const [step, { top }] of reply.steps.entries()) {
      const before = reply.steps.slice(0, step).map(({ token }) => token);
      const whole = before.length === 0 ? text : text + (await context.detokenize(before));
      // Only text can be asked about: where it would not become the golden tokens again, this step is left out.
      if (!sameIds(await tokenize(whole), [...tokens, ...before])) {
        forced.push({ step, ...missing('the golden reply so far is not tokenized back to its own tokens') });
        continue;
      }
      // At temperature 1 with no filter the probabilities are the model's own; the token that is drawn is not used.
      const { probabilities: next } = await complete({
        prompt: whole,
        n_predict: 1,
        temperature: 1,
        n_probs: candidates,
      });
      const likely: (KitToken & { logProb: number })[] = [];
      for (const { tok_str, prob } of next[0]?.probs ?? []) {
        if (prob > 0) likely.push({ id: await idOf(tok_str, top), text: tok_str, logProb: Math.log(prob) });
      }
      forced.push(
        likely.length > 0 ? { step, top: likely } : { step, ...missing('no probabilities came back') },
      );
    }
    return {
      name,
      promptTokens: await tokenize(text),
      formattedPrompt: formatted.prompt,
      reply: { text: result.text, stop: isEnd ? 'end' : 'length', tokens: replyTokens },
      forced,
    };
  };

  const texts = new Map<number, string>();
  const idOf = async (text: string, among: readonly { readonly token: number }[] = []) => {
    for (const { token } of among) {
      let own = texts.get(token);
      if (own === undefined) {
        own = await context.detokenize([token]);
        texts.set(token, own);
      }
      if (own === text) return token;
    }
    return null;
  };

  return { replay };
}

async function memoryNow({ usedMemory }: KitOptions): Promise<number | null> {
  try {
    return usedMemory === undefined ? null : numberOrNull(await usedMemory());
  } catch {
    return null;
  }
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function missing(reason: string): Missing {
  return { status: 'unavailable', reason };
}
