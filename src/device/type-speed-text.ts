import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import { isAvailable } from '../schema/availability.ts';
import type { MeasuredTypes, TypeSpeeds } from '../schema/phones.ts';

type Quantization = MeasuredTypes['quantizations'][number];

/** Less is no reason to take another file. */
const FASTER = 1.1;
const SLOW = 2 / 3;

/** `on opencl: Q4_0 reads prompts ...`: which quantizations are fast there, on what that rests, and what the CPU multiplies. */
export function typeSpeedsText({ backend, onCpu, measured }: TypeSpeeds): string {
  const types = typesText(onCpu);
  const left = types === '' ? '' : `; ${types} stay on the CPU`;
  if (!isAvailable(measured)) return `on ${backend}: ${measured.reason}${left}`;
  const { against, quantizations, models, sameShape, rows, on, sources } = measured;
  const others = quantizations.filter(({ label }) => label !== against);
  const faster = others.filter((each) => pace(each).some((times) => times >= FASTER));
  const slow = others.filter((each) => !faster.includes(each) && pace(each).some((times) => times <= SLOW));
  const said = [
    faster.length === 0 ? `nothing measured is faster than ${against}` : fasterText(faster, against),
    ...(slow.length === 0 ? [] : [`slow: ${slow.map(shortly).join(', ')}`]),
  ];
  const of = sameShape || models.length === 1 ? models.join(' and ') : `${models.length} models, medians`;
  return `on ${backend}: ${said.join('; ')} (${rows.length} rows of ${of}, measured on ${onText(on)}; ${hostsOf(sources)})${left}`;
}

function pace({ prompt, generation }: Quantization): number[] {
  return [...(prompt === null ? [] : [prompt.median]), generation.median];
}

function fasterText([first, ...others]: readonly Quantization[], against: string): string {
  if (first === undefined) return '';
  const reads = first.prompt === null ? '' : `reads prompts ${times(first.prompt.median)} and `;
  const lead = `${first.label} ${reads}writes ${times(first.generation.median)} as fast as ${against}`;
  return [lead, ...others.map(shortly)].join(', ');
}

function shortly(quantization: Quantization): string {
  return `${quantization.label} ${pace(quantization).map(times).join(' and ')}`;
}

function times(value: number): string {
  return `${value.toFixed(1)}×`;
}

function onText({ name, relation }: MeasuredTypes['on']): string {
  if (relation === 'this phone') return relation;
  return `${name}, ${relation === 'same chip' ? 'which has the same chip' : 'whose chip is of the same family'}`;
}

/** `github.com/owner/repo` of an address, once; what is no address as it is. */
function hostsOf(sources: readonly string[]): string {
  const places = sources.map((source) => /^https?:\/\/([^/]+(?:\/[^/]+){0,2})/.exec(source)?.[1] ?? source);
  return [...new Set(places)].join(', ');
}

/** Those that files are usually made of. */
const GROUPS = [
  ['K-quants', /^Q\d_K$/],
  ['IQ types', /^IQ\d_/],
] as const;
const PLAIN = /^Q[458]_[01]$/;

/** `Q2_K, Q3_K and IQ types other than IQ4_NL`. */
function typesText(types: readonly string[]): string {
  const named = types.filter((type) => PLAIN.test(type));
  for (const [group, pattern] of GROUPS) {
    const all = TENSOR_TYPE_NAMES.filter((type) => pattern.test(type) && type !== 'Q8_K');
    const kept = all.filter((type) => !types.includes(type));
    if (all.length - kept.length <= kept.length) named.push(...all.filter((type) => types.includes(type)));
    else named.push(`${group}${kept.length === 0 ? '' : ` other than ${kept.join(' and ')}`}`);
  }
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}
