import type { BatchPart } from './batch.ts';
import { ConstrainedReply } from './constrained-reply.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Model } from './model.ts';
import type { Completion, CompletionRequest } from './replies.ts';
import type { Sampler } from './sampler.ts';

/** One sequence of the context and the reply that grows in it. */
interface Slot {
  readonly sequence: number;
  readonly request: number;
  readonly limit: number;
  readonly stopTexts: readonly string[];
  readonly withSpecialTokens: boolean;
  readonly constrained: ConstrainedReply | null;
  /** Tokens that are not evaluated yet: the rest of the prompt, or the token sampled last. */
  pending: Uint32Array;
  /** Tokens that are. */
  evaluated: number;
  readonly reply: number[];
}

/** What a batch holds of a slot. */
interface SlotPart extends BatchPart {
  readonly slot: Slot;
  /** Where in the batch the slot's last token is, when all of it is evaluated. */
  readonly outputIndex: number | null;
}

/**
 * Greedy continuations of many prompts. The sequences advance together and a finished one makes room for the next
 * prompt at once, so that the weights are read once for as many tokens as there are sequences. The order of events
 * depends on the requests alone: the same ones give the same replies.
 */
export async function completeAll(
  llamaCpp: LlamaCpp,
  context: Context,
  model: Model,
  greedy: Sampler,
  requests: readonly CompletionRequest[],
): Promise<Completion[]> {
  const { contextSize, sequences, batchSize } = context.options;
  const completions: Completion[] = [];
  const free = Array.from({ length: sequences }, (_, index) => sequences - 1 - index);
  const active = new Set<Slot>();
  let waiting = 0;
  try {
    while (waiting < requests.length || active.size > 0) {
      for (
        let request = requests[waiting];
        request !== undefined && free.length > 0;
        request = requests[waiting]
      ) {
        const sequence = free.pop() ?? 0;
        const constrained =
          request.grammar === undefined ? null : new ConstrainedReply(llamaCpp, model, request.grammar);
        active.add(openSlot(context, sequence, waiting, request, contextSize, constrained));
        waiting += 1;
      }
      const parts = nextParts(active, batchSize);
      await context.evaluateParts(parts);
      for (const { slot, outputIndex } of parts) {
        if (outputIndex === null) continue;
        const token =
          slot.constrained === null
            ? greedy.sample(context, outputIndex)
            : slot.constrained.sample(context, greedy, outputIndex);
        const ended = token === null || model.endsGeneration(token);
        if (!ended) slot.reply.push(token);
        const stopped = !ended && endsBeforeStop(model, slot);
        if (!ended && !stopped && slot.reply.length < slot.limit) slot.pending = Uint32Array.of(token);
        else {
          completions[slot.request] = finish(model, slot, ended ? 'end' : 'length');
          slot.constrained?.free();
          active.delete(slot);
          free.push(slot.sequence);
        }
      }
    }
  } finally {
    for (const { constrained } of active) constrained?.free();
  }
  return completions;
}

function openSlot(
  context: Context,
  sequence: number,
  request: number,
  { prompt, maxTokens, stopTexts = [], withSpecialTokens = false }: CompletionRequest,
  contextSize: number,
  constrained: ConstrainedReply | null,
): Slot {
  const room = contextSize - prompt.length;
  if (prompt.length === 0 || room < 1) {
    throw new EngineError(
      'engine/evaluation-failed',
      `a prompt of ${prompt.length} tokens does not fit a context of ${contextSize}`,
    );
  }
  context.forget(sequence, 0);
  return {
    sequence,
    request,
    limit: Math.min(maxTokens, room),
    stopTexts,
    withSpecialTokens,
    constrained,
    pending: prompt,
    evaluated: 0,
    reply: [],
  };
}

/** As much of what is pending as one batch holds. */
function nextParts(active: ReadonlySet<Slot>, batchSize: number): SlotPart[] {
  let used = 0;
  const parts: SlotPart[] = [];
  for (const slot of active) {
    if (used === batchSize) break;
    const tokens = slot.pending.subarray(0, batchSize - used);
    used += tokens.length;
    const isLast = tokens.length === slot.pending.length;
    parts.push({
      slot,
      sequence: slot.sequence,
      position: slot.evaluated,
      tokens,
      firstOutput: isLast ? tokens.length - 1 : tokens.length,
      outputIndex: isLast ? used - 1 : null,
    });
    slot.evaluated += tokens.length;
    slot.pending = slot.pending.subarray(tokens.length);
  }
  return parts;
}

/** Tokens back within which a stop text that just became complete must begin: its characters, of a byte or more each. */
function endsBeforeStop(model: Model, { reply, stopTexts }: Slot): boolean {
  if (stopTexts.length === 0) return false;
  const reach = Math.max(...stopTexts.map((text) => Buffer.byteLength(text))) + 1;
  const tail = model.detokenize(Uint32Array.from(reply.slice(-reach)), false);
  return stopTexts.some((text) => tail.includes(text));
}

function finish(
  model: Model,
  { reply, stopTexts, withSpecialTokens }: Slot,
  ended: 'end' | 'length',
): Completion {
  const tokens = Uint32Array.from(reply);
  const text = model.detokenize(tokens, withSpecialTokens);
  const stops = stopTexts.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return stops.length === 0
    ? { text, tokens, stop: ended }
    : { text: text.slice(0, Math.min(...stops)), tokens, stop: 'stop-text' };
}
