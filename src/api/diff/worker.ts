import { parentPort } from 'node:worker_threads';
import type { ErrorCode } from '../../util/error-codes.ts';
import { messageOf, QuantscopeError } from '../../util/errors.ts';
import { SpanComparer, type SpanResult, type WeightSpan } from './spans.ts';

/** What a worker answers for each span. An error's class would not survive the way, so its parts are sent. */
export type SpanReply =
  | { readonly kind: 'done'; readonly result: SpanResult }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
    };

const comparer = new SpanComparer();

parentPort?.on('message', (span: WeightSpan) => parentPort?.postMessage(answer(span)));

function answer(span: WeightSpan): SpanReply {
  try {
    return { kind: 'done', result: comparer.compare(span) };
  } catch (thrown) {
    const known = thrown instanceof QuantscopeError;
    return {
      kind: 'failed',
      code: known ? thrown.code : 'io/read-failed',
      message: messageOf(thrown),
      hint: known ? thrown.hint : undefined,
    };
  }
}
