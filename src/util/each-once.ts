/**
 * What was named, each once.
 * @param notice told of what was named more than once
 */
export function eachOnce<Named>(
  named: readonly Named[],
  keyOf: (each: Named) => string,
  nameOf: (each: Named) => string,
  notice?: (text: string) => void,
): Named[] {
  const keys = named.map(keyOf);
  const repeated = named.filter((_, at) => keys.indexOf(keys[at] ?? '') < at);
  for (const name of new Set(repeated.map(nameOf)))
    notice?.(`${name} is named more than once: it is taken once.`);
  return named.filter((_, at) => keys.indexOf(keys[at] ?? '') === at);
}
