import { getString, isNamedPhi3 } from '../gguf/index.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';
import { needsVocabulary, surveyOf, tokenizerModel } from './vocabulary-checks.ts';
import { PHI3_TOKENS } from './vocabulary-keys.ts';

const NAME = 'general.name';
/** Of the models whose tokenizer swallows whitespace behind its special tokens. */
const PHI3_ARCHITECTURES: ReadonlySet<string> = new Set(['phi3', 'phimoe']);

/** Of the group vocabulary: names that change how llama.cpp reads a text. */
export const NAME_RULES: Checks = {
  *'vocabulary/name'(file) {
    const name = file.header === null ? undefined : getString(file.header, NAME);
    if (name === undefined || !needsVocabulary(file)) return;
    const swallows = file.header !== null && isNamedPhi3(file.header);
    const isPhi3 =
      PHI3_ARCHITECTURES.has(file.architecture ?? '') &&
      tokenizerModel(file) === 'llama' &&
      surveyOf(file).has('<|end|>');
    if (swallows === isPhi3) return;
    if (swallows && PHI3_ARCHITECTURES.has(file.architecture ?? '')) return;
    // Without these tokens the load fails, and a rule of its own says so.
    if (swallows && !PHI3_TOKENS.every((token) => surveyOf(file).has(token))) return;
    const effect = swallows ? 'swallow the whitespace behind them' : 'keep the whitespace behind them';
    yield atKey(file, NAME, `by the name ${quoted(name)} llama.cpp makes special tokens ${effect}`);
  },
};
