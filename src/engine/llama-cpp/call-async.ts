/** A bound function with its form that runs on a thread of libuv's. */
interface WithAsync<Values extends unknown[], Value> {
  (...values: Values): Value;
  readonly async: (...values: [...Values, (error: unknown, result: Value) => void]) => void;
}

/** Calls `bound` on a thread of libuv's, so that this one goes on answering messages. */
export function callAsync<Values extends unknown[], Value>(
  bound: WithAsync<Values, Value>,
  ...values: Values
): Promise<Value> {
  return new Promise((resolve, reject) => {
    bound.async(...values, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
