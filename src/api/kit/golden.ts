import type { EngineSession, LoadedModel } from '../../engine/engine.ts';
import type { GoldenPrompt, GoldenStep } from '../../schema/kit.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { KIT_PROMPTS, REPLY_TOKENS } from './prompts.ts';

/** Most likely tokens kept of each step. */
export const CANDIDATES = 5;

/** The most likely token always. */
export const GREEDY = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repeatPenalty: 1,
  repeatLastTokens: 0,
  seed: 0,
} as const;

/**
 * Asks the loaded model the kit's prompts, greedily, and keeps each step's most likely tokens.
 * @param onPrompt called before each
 * @throws QuantscopeError `kit/prompt-text` where the prompt cannot be told as text; EngineError
 */
export async function goldenPrompts(
  session: EngineSession,
  model: LoadedModel,
  template: string | null,
  onPrompt: (name: string, done: number, total: number) => void,
): Promise<GoldenPrompt[]> {
  const prompts: GoldenPrompt[] = [];
  for (const { name, messages } of KIT_PROMPTS) {
    onPrompt(name, prompts.length, KIT_PROMPTS.length);
    const tokens = await session.chatPrompt(messages, template);
    const text = await textWithoutBos(session, model, await session.chatText(messages, template), tokens);
    const steps: GoldenStep[] = [];
    const generation = await session.generate(
      { prompt: tokens, maxTokens: REPLY_TOKENS, sampling: GREEDY, stopTexts: [], candidates: CANDIDATES },
      {
        onStep: ({ token, piece, candidates }) => {
          const top = candidates.map((each) => ({
            token: each.token,
            text: each.text,
            logProb: naturalLog(each.probability),
          }));
          steps.push({ token, text: piece, top });
        },
      },
    );
    const ends = generation.stop === 'end';
    if (ends) steps.push(await endStep(session, [...tokens, ...generation.tokens]));
    prompts.push({
      name,
      messages,
      text,
      tokens: [...tokens],
      reply: { text: generation.text, ends, steps },
    });
  }
  return prompts;
}

/** The token that puts a text's beginning, as the phone's golden file tells it. */
export async function bosOf(session: EngineSession, { addsBos, bosToken }: LoadedModel) {
  if (!addsBos || bosToken === null) return null;
  const [text = ''] = await session.pieces(Uint32Array.of(bosToken));
  return { token: bosToken, text };
}

/** llama.rn puts BOS before every text, so a template's own would be there twice. */
async function textWithoutBos(
  session: EngineSession,
  model: LoadedModel,
  text: string,
  tokens: Uint32Array,
): Promise<string> {
  const bos = await bosOf(session, model);
  const own = bos !== null && text.startsWith(bos.text) ? text.slice(bos.text.length) : text;
  const again = [...(bos === null ? [] : [bos.token]), ...(await session.tokenize(own, true))];
  if (again.length === tokens.length && again.every((id, index) => id === tokens[index])) return own;
  throw new QuantscopeError(
    'kit/prompt-text',
    'the chat prompt cannot be handed to llama.rn as text: without its BOS it becomes other tokens',
    {
      hint: 'quantscope run REF "Hello" --trace shows the prompt’s tokens; quantscope validate judges the template.',
    },
  );
}

/** An end token is no step of a reply: its distribution is read by scoring the reply with a token after it. */
async function endStep(session: EngineSession, said: readonly number[]): Promise<GoldenStep> {
  const scores = await session.score({
    tokens: Uint32Array.from([...said, said.at(-1) ?? 0]),
    firstScored: said.length - 1,
    want: { kind: 'top', limit: CANDIDATES },
  });
  if (scores.kind !== 'top') throw new Error('the engine answered another question');
  const texts = await session.pieces(scores.tokens);
  const top = Array.from(scores.tokens, (token, index) => ({
    token,
    text: texts[index] ?? '',
    logProb: scores.logProbs[index] ?? Number.NaN,
  }));
  const [first] = top;
  return { token: first?.token ?? 0, text: first?.text ?? '', top };
}

/** Sums of float32 weights may pass 1 by a rounding, and JSON has no infinity. */
function naturalLog(probability: number): number {
  return Math.log(Math.max(Number.MIN_VALUE, Math.min(1, probability)));
}
