import type { MixResults } from '../schema/mix.ts';

type Group = MixResults['groups'][number];

/** Padding of tensors in the file makes a difference below this. */
const ROUNDING_BITS = 0.01;
/** Groups that are named one by one; the rest are counted. */
const NAMED = 8;

/** Which tensors got more bits than the stock recipe gives them, which fewer, and what tells why. */
export function moreAndLess({ groups, comparedWith }: MixResults): string[] {
  const changed = groups.map((group) => ({ group, bits: group.bits - group.stockBits }));
  const line = (title: string, list: readonly Group[], why: (group: Group) => string): string[] => {
    if (list.length === 0) return [];
    const named = list.slice(0, NAMED).map((group) => `${shortName(group)} ${group.type} (${why(group)})`);
    const rest = list.length > NAMED ? `; and ${list.length - NAMED} more` : '';
    return [`${title}: ${named.join('; ')}${rest}`];
  };
  const more = changed.filter(({ bits }) => bits > ROUNDING_BITS).map(({ group }) => group);
  const fewer = changed.filter(({ bits }) => bits < -ROUNDING_BITS).map(({ group }) => group);
  const others = changed.filter(
    ({ bits, group }) => Math.abs(bits) <= ROUNDING_BITS && !group.stockTypes.includes(group.type),
  );
  return [
    ...line(`more bits than in ${comparedWith}`, bySaving(more, 1), (group) => lossesIn(group)),
    ...line(`fewer bits than in ${comparedWith}`, bySaving(fewer, -1), (group) => lossesIn(group)),
    ...line(
      'another type of the same bits',
      others.map(({ group }) => group),
      (group) => lossesIn(group),
    ),
  ];
}

/** Those whose change saves most loss, or of fewer bits costs least, first. */
function bySaving(groups: readonly Group[], sign: number): Group[] {
  const saved = (group: Group) => lossAt(group, group.stockTypes[0] ?? '') - lossAt(group, group.type);
  return [...groups].sort((a, b) => sign * (saved(b) - saved(a)));
}

/** What it loses now, and what it would in the recipe's type. */
function lossesIn(group: Group): string {
  const [stock = ''] = group.stockTypes;
  const [now, then] = [lossAt(group, group.type), lossAt(group, stock)];
  const there = Number.isFinite(then) ? `, ${figure(then)} as ${group.stockTypes.join('/')}` : '';
  return `loses ${figure(now)}${there}`;
}

function lossAt({ choices }: Group, type: string): number {
  return choices.find((choice) => choice.type === type)?.loss ?? Number.NaN;
}

function figure(loss: number): string {
  return loss < 1e-5 ? loss.toExponential(0) : String(Number(loss.toPrecision(2)));
}

function shortName({ name }: Group): string {
  return name.replace(/\.weight$/, '');
}
