/**
 * Every code that an error may have, by what it is about: `input/unreadable`. Stable, unlike messages. The type
 * {@link ErrorCode}, the schema of the error object and the documentation are made from this list alone. Faults in the
 * structure of a file have the names of the rules that they break, which the reader of files lists.
 */
export const ERROR_GROUPS = {
  baseline: { about: 'earlier results to compare with', codes: ['several'] },
  bench: { about: 'what bench is to time', codes: ['no-tests'] },
  cache: {
    about: 'the cache of downloads',
    codes: ['declined', 'not-found', 'nothing-named', 'other-store'],
  },
  card: {
    about: 'model cards',
    codes: [
      ...['empty', 'model-gone', 'no-model', 'not-text'],
      ...['other-model', 'several', 'two-results', 'unreadable'],
    ],
  },
  catalogue: { about: 'the catalogue of models', codes: ['unreadable', 'invalid'] },
  choices: { about: 'files of multiple choice', codes: ['empty', 'invalid'] },
  compare: {
    about: 'what is compared with what',
    codes: ['different-models', 'imatrix', 'make', 'no-reference', 'no-row'],
  },
  config: { about: 'the config file', codes: ['invalid', 'unknown-key', 'unreadable'] },
  context: { about: 'sizes of context', codes: ['no-divergence', 'too-large'] },
  data: { about: 'files of the package itself', codes: ['invalid', 'unreadable'] },
} as const;
