import { fed } from './feed-forward-graph.ts';
import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import { stateOf } from './recurrent-graph.ts';

/** Layers of RWKV and of models that were made into it (models/rwkv6-base.cpp, rwkv7-base.cpp). */
export class ReceptanceGraph {
  readonly #pen: GraphPen;
  readonly #width: number;
  readonly #state: number;
  /** Values of the first layer, which the seventh kind mixes into those of all others. */
  #firstValues: GraphTensor | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
    this.#width = pen.facts.embeddingLength ?? 0;
    this.#state = this.#width * pen.own('wkv.head_size');
  }

  layer(source: GraphTensor, roles: Roles, isLast: boolean): GraphTensor {
    const pen = this.#pen;
    const shift = stateOf(pen, this.#width * (pen.own('token_shift_count') || 2));
    const state = stateOf(pen, this.#state);
    const normed = pen.norm(pen.view(source), roles, 'attn_norm');
    const hasChannels = roles.has('channel_mix_key');
    const before = pen.over([pen.row(this.#width, [shift, pen.view(normed)]), normed]);
    const mixed = roles.has('time_mix_w0')
      ? this.#seventh(before, normed, state, roles)
      : this.#sixth(before, normed, state, roles);
    if (!hasChannels) pen.store(pen.view(normed));
    const between = pen.over([pen.view(pen.times(mixed, roles, 'time_mix_output')), pen.view(source)]);
    if (!hasChannels) {
      const shown = pen.view(between);
      return pen.over([fed(pen, pen.norm(shown, roles, 'ffn_norm'), roles), shown]);
    }
    const second = pen.norm(between, roles, 'attn_norm_2');
    pen.store(pen.view(pen.row(0, [pen.view(normed), pen.view(second)], 2 * this.#width)));
    const last = pen.row(this.#width, [shift, pen.view(second)]);
    const askedFor = pen.input(1);
    const asked = (of: GraphTensor) =>
      isLast ? pen.row(this.#width, [pen.view(of), askedFor]) : pen.view(of);
    return this.#channels(asked(last), asked(second), asked(between), roles);
  }

  #channels(last: GraphTensor, now: GraphTensor, residual: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const change = pen.over([last, now]);
    const shifted = () => pen.over([pen.over([change]), now]);
    const gate = roles.has('channel_mix_receptance')
      ? pen.over([pen.times(shifted(), roles, 'channel_mix_receptance')])
      : null;
    const keys = pen.over([pen.over([pen.times(shifted(), roles, 'channel_mix_key')])]);
    const values = pen.times(keys, roles, 'channel_mix_value');
    return pen.over([gate === null ? values : pen.over([gate, values]), residual]);
  }

  #updated(parts: readonly GraphTensor[], state: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const updated = pen.row(this.#width, [...parts, state], this.#state);
    pen.store(pen.view(updated));
    const result = pen.view(updated, this.#width);
    if (!roles.has('time_mix_ln')) return result;
    return pen.over([pen.over([pen.view(pen.row(this.#width, [result]))])]);
  }

  #sixth(before: GraphTensor, normed: GraphTensor, state: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const low = pen.over([
      pen.times(pen.over([pen.over([pen.view(before)]), pen.view(normed)]), roles, 'time_mix_w1'),
    ]);
    const ranks = pen.row(pen.elements(low), [pen.view(low)]);
    const shares = pen.over([pen.row(5 * this.#width, [ranks])]);
    const shifted = pen.over([pen.over([shares, pen.view(before)]), pen.view(normed)]);
    const of = (role: string) => pen.times(pen.view(shifted), roles, role);
    const decay = pen.times(pen.over([of('time_mix_decay_w1')]), roles, 'time_mix_decay_w2');
    const decayed = pen.view(pen.over([pen.over([pen.over([pen.over([decay])])])]));
    // Fewer heads of keys are repeated for all.
    const whole = (role: string) => {
      const part = pen.view(of(role));
      return pen.elements(part) < this.#width ? pen.view(pen.row(this.#width, [part])) : part;
    };
    const keys = whole('time_mix_key');
    const kept = roles.has('time_mix_first') ? keys : pen.over([keys, pen.over([keys, decayed])]);
    const parts = [kept, whole('time_mix_value'), pen.view(of('time_mix_receptance')), decayed];
    const result = this.#updated(parts, state, roles);
    return pen.over([result, pen.over([of('time_mix_gate')])]);
  }

  #seventh(before: GraphTensor, normed: GraphTensor, state: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const count = roles.has('time_mix_g1') ? 6 : 5;
    const shifted = pen.over([pen.over([pen.row(count * this.#width, [before])]), normed]);
    const of = (role: string) => pen.times(pen.view(shifted), roles, role);
    const low = (name: string, isBent = false) => {
      const first = of(`time_mix_${name}1`);
      return pen.times(isBent ? pen.over([first]) : first, roles, `time_mix_${name}2`);
    };
    const receptance = pen.view(of('time_mix_receptance'));
    const decay = pen.over([pen.over([pen.over([pen.over([low('w', true)])])])]);
    const keys = of('time_mix_key');
    const rate = pen.over([pen.over([low('a')])]);
    const scaled = pen.over([keys]);
    const mixedKeys = pen.view(pen.over([keys, pen.over([pen.over([rate, scaled]), scaled])]));
    let values = of('time_mix_value');
    if (this.#firstValues === null) this.#firstValues = values;
    else {
      const gap = pen.over([this.#firstValues, values]);
      values = pen.over([values, pen.over([gap, pen.over([pen.over([low('v')])])])]);
    }
    const shown = pen.view(values);
    const removed = pen.row(this.#width, [pen.view(pen.over([keys]))]);
    const parts = [receptance, pen.view(decay), mixedKeys, shown, pen.over([removed])];
    const result = this.#updated([...parts, pen.over([removed, pen.view(rate)])], state, roles);
    const heads = this.#width ** 2 / Math.max(1, this.#state);
    const bonus = pen.row(heads, [pen.over([pen.over([mixedKeys, receptance])])]);
    const current = pen.over([result, pen.view(pen.over([shown, bonus]))]);
    return roles.has('time_mix_g1') ? pen.over([current, low('g', true)]) : current;
  }
}
