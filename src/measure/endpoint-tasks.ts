import { unavailableBecause } from '../schema/availability.ts';
import type { EndpointResult } from '../schema/results.ts';
import { messageOf } from '../util/errors.ts';
import { judge } from './judge.ts';
import { median } from './statistics.ts';
import { DEFAULT_REPLY_TOKENS } from './task-run.ts';
import { type Judged, summarizeTasks, type TaskItem } from './tasks.ts';

/** A model somewhere that answers prompts. */
export interface Endpoint {
  readonly name: string;
  readonly url: string;
  /** Its reply to one user message, as deterministic as it can be made. */
  complete(prompt: string, maxTokens: number): Promise<string>;
}

export interface EndpointRun {
  readonly items: readonly TaskItem[];
  readonly referenceOutcomes: readonly boolean[] | null;
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onItem: (done: number, total: number) => void;
}

/**
 * Asks an endpoint the tasks that the variants were asked and decides the replies by the same rules. A request that
 * fails for good leaves no accuracy: a wrong answer and no answer are not the same.
 */
export async function runEndpointTasks(endpoint: Endpoint, run: EndpointRun): Promise<EndpointResult> {
  const { items, now, signal } = run;
  const outcomes: Judged[] = [];
  const durationsMs: number[] = [];
  let next = 0;
  let failure: unknown;
  const work = async () => {
    for (let index = next++; index < items.length && failure === undefined; index = next++) {
      const item = items[index];
      if (item === undefined) return;
      signal.throwIfAborted();
      const started = now();
      const reply = await endpoint.complete(item.prompt, item.maxTokens ?? DEFAULT_REPLY_TOKENS);
      durationsMs.push(now() - started);
      outcomes[index] = { ...judge(item, reply), reply };
      run.onItem(durationsMs.length, items.length);
    }
  };
  const workers = Array.from({ length: run.concurrency }, () =>
    work().catch((thrown: unknown) => {
      failure ??= thrown;
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
  const { name, url } = endpoint;
  if (failure !== undefined) {
    const reason = `question ${durationsMs.length + 1} of ${items.length} was not answered: ${messageOf(failure)}`;
    return { name, url, tasks: unavailableBecause(reason), medianReplyMs: unavailableBecause(reason) };
  }
  return {
    name,
    url,
    tasks: summarizeTasks(items, outcomes, run.referenceOutcomes),
    medianReplyMs: median(durationsMs),
  };
}
