import type { AddonContext, AddonModel, AddonSampler, BatchIndex } from './bindings.ts';
import type { Completion, CompletionRequest, ContextOptions } from './engine.ts';
import { EngineError } from './errors.ts';

/** One sequence of the context and the reply that grows in it. */
interface Slot {
  readonly sequence: number;
  readonly request: number;
  readonly limit: number;
  /** Tokens that are not evaluated yet: the rest of the prompt, or the token sampled last. */
  pending: Uint32Array;
  /** Tokens that are. */
  evaluated: number;
  readonly reply: number[];
}

/** What a batch holds of a slot, and where its output is when that is the last of it. */
interface Share {
  readonly slot: Slot;
  readonly output: BatchIndex | null;
}

/**
 * Greedy continuations of many prompts. The sequences advance together and a finished one makes room for the next
 * prompt at once, so that the weights are read once for as many tokens as there are sequences. The order of events
 * depends on the requests alone: the same ones give the same replies.
 */
export async function completeAll(
  context: AddonContext,
  model: AddonModel,
  greedy: AddonSampler,
  { contextSize, sequences, batchSize }: ContextOptions,
  requests: readonly CompletionRequest[],
): Promise<Completion[]> {
  const completions: Completion[] = [];
  const free = Array.from({ length: sequences }, (_, index) => sequences - 1 - index);
  const active = new Set<Slot>();
  let waiting = 0;
  while (waiting < requests.length || active.size > 0) {
    for (
      let request = requests[waiting];
      request !== undefined && free.length > 0;
      request = requests[waiting]
    ) {
      const sequence = free.pop() ?? 0;
      active.add(openSlot(context, sequence, waiting, request, contextSize));
      waiting += 1;
    }
    for (const { slot, output } of await evaluate(context, active, batchSize)) {
      if (output === null) continue;
      const token = await context.sampleToken(output, greedy);
      const ended = token < 0 || model.isEogToken(token);
      if (!ended) slot.reply.push(token);
      if (!ended && slot.reply.length < slot.limit) slot.pending = Uint32Array.of(token);
      else {
        completions[slot.request] = finish(model, slot, ended);
        active.delete(slot);
        free.push(slot.sequence);
      }
    }
  }
  return completions;
}

function openSlot(
  context: AddonContext,
  sequence: number,
  request: number,
  { prompt, maxTokens }: CompletionRequest,
  contextSize: number,
): Slot {
  const room = contextSize - prompt.length;
  if (prompt.length === 0 || room < 1) {
    throw new EngineError(
      'engine/evaluation-failed',
      `a prompt of ${prompt.length} tokens does not fit a context of ${contextSize}`,
    );
  }
  context.disposeSequence(sequence);
  return { sequence, request, limit: Math.min(maxTokens, room), pending: prompt, evaluated: 0, reply: [] };
}

/** Evaluates as much of what is pending as one batch holds. */
async function evaluate(
  context: AddonContext,
  active: ReadonlySet<Slot>,
  batchSize: number,
): Promise<Share[]> {
  const pending = [...active].reduce((sum, slot) => sum + slot.pending.length, 0);
  let room = Math.min(batchSize, pending);
  context.initBatch(room);
  const shares: Share[] = [];
  for (const slot of active) {
    if (room === 0) break;
    const tokens = slot.pending.subarray(0, room);
    const isLast = tokens.length === slot.pending.length;
    const outputs = isLast ? Uint32Array.of(tokens.length - 1) : new Uint32Array();
    const [index] = context.addToBatch(slot.sequence, slot.evaluated, tokens, outputs);
    // The binding types its batch indexes as a branded number, which a typed array cannot hold.
    shares.push({ slot, output: index === undefined ? null : (index as BatchIndex) });
    slot.evaluated += tokens.length;
    slot.pending = slot.pending.subarray(tokens.length);
    room -= tokens.length;
  }
  await context.decodeBatch();
  return shares;
}

function finish(model: AddonModel, { reply }: Slot, ended: boolean): Completion {
  const tokens = Uint32Array.from(reply);
  return { text: model.detokenize(tokens, false), tokens, stop: ended ? 'end' : 'length' };
}
