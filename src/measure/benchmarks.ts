/** A published benchmark whose files are read: which forms, and where to get them. None ships with this package. */
export interface Benchmark {
  readonly name: string;
  readonly asks: string;
  /** The option that takes its file. */
  readonly option: '--choices' | '--tasks';
  readonly measures: string;
  readonly forms: string;
  readonly from: string;
  readonly licence: string;
}

export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'HellaSwag',
    asks: 'how a scene goes on, 4 endings',
    option: '--choices',
    measures: 'acc_norm, acc',
    forms: 'JSON Lines; six lines an item, as llama-perplexity --hellaswag',
    from: 'https://github.com/rowanz/hellaswag (data/hellaswag_val.jsonl)',
    licence: 'MIT',
  },
  {
    name: 'ARC',
    asks: 'science questions of schools, 4 answers',
    option: '--choices',
    measures: 'acc_norm, acc',
    forms: 'JSON Lines, of the Hub or of its authors; binary, as llama-perplexity --multiple-choice',
    from: 'https://huggingface.co/datasets/allenai/ai2_arc',
    licence: 'CC BY-SA 4.0',
  },
  {
    name: 'MMLU',
    asks: 'exams in 57 subjects, 4 answers',
    option: '--choices',
    measures: 'acc',
    forms: 'JSON Lines; binary, as llama-perplexity --multiple-choice',
    from: 'https://huggingface.co/datasets/cais/mmlu',
    licence: 'MIT',
  },
  {
    name: 'WinoGrande',
    asks: 'whom a pronoun means, 2 answers',
    option: '--choices',
    measures: 'acc',
    forms: 'JSON Lines; CSV, as llama-perplexity --winogrande',
    from: 'https://huggingface.co/datasets/allenai/winogrande',
    licence: 'see its page',
  },
  {
    name: 'GSM8K',
    asks: 'word problems whose reply ends in a number',
    option: '--tasks',
    measures: 'flexible-extract, strict-match',
    forms: 'JSON Lines',
    from: 'https://github.com/openai/grade-school-math (data/test.jsonl)',
    licence: 'MIT',
  },
  {
    name: 'IFEval',
    asks: 'instructions that a program can check',
    option: '--tasks',
    measures: 'prompt-level strict, prompt-level loose',
    forms: 'JSON Lines',
    from: 'https://huggingface.co/datasets/google/IFEval',
    licence: 'Apache 2.0',
  },
];
