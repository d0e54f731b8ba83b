import { isAvailable } from '../schema/availability.ts';
import type { EndpointResult } from '../schema/results.ts';

/** What models behind endpoints answered, a sentence each. */
export function endpointLines(endpoints: readonly EndpointResult[], reference: string | null): string[] {
  return endpoints.map((endpoint) => `${endpoint.name} at ${endpoint.url}: ${answered(endpoint, reference)}`);
}

function answered({ tasks, medianReplyMs }: EndpointResult, reference: string | null): string {
  if (!isAvailable(tasks)) return tasks.reason;
  const percent = (fraction: number) => (fraction * 100).toFixed(1);
  const { correct, total, low, high, flips } = tasks;
  const right = `${correct} of ${total} tasks right, ${percent(correct / total)} % (95 % interval ${percent(low)} to ${percent(high)})`;
  const moved =
    reference !== null && isAvailable(flips)
      ? `, ${flips.count} answers other than ${reference}'s (p ${flips.pValue.toPrecision(2)})`
      : '';
  const pace = isAvailable(medianReplyMs) ? `, ${Math.round(medianReplyMs)} ms a reply` : '';
  return `${right}${moved}${pace}`;
}
