import type { LoadedModel } from '../engine/engine.ts';
import { isAvailable } from '../schema/availability.ts';
import type { ComparisonEnvironment, ComparisonInput } from './comparison-plan.ts';
import type { ComparisonState } from './comparison-state.ts';
import { isOfAll } from './domains.ts';
import { askedOf } from './questions.ts';
import {
  createReference,
  formOfPath,
  openReference,
  type ReferenceFile,
  type ReferenceWriter,
} from './reference-file.ts';
import { isOwn } from './share.ts';
import type { DescribedFile } from './size.ts';
import type { SavedText, TextChunks, TextRole } from './text-evaluation.ts';
import { partsOf } from './variant-plan.ts';

type OpenRole = (planned: TextChunks, model: LoadedModel) => Promise<TextRole>;

/** The reference's scores that candidates are held against: from a file, or written as the reference is evaluated. */
export class ComparisonReference {
  readonly #input: ComparisonInput;
  readonly #environment: ComparisonEnvironment;
  readonly #state: ComparisonState;
  #isStored = false;

  constructor(input: ComparisonInput, environment: ComparisonEnvironment, state: ComparisonState) {
    this.#input = input;
    this.#environment = environment;
    this.#state = state;
  }

  /** What a saved one was scored on; null where there is none. */
  get savedText(): SavedText | null {
    return this.#input.saved === undefined ? null : savedTextOf(this.#input.saved);
  }

  /**
   * Lets a variant be evaluated on its side of the store, and keeps the reference's own scores.
   * @param hashing done before a reference's row is kept
   */
  async whileEvaluating(
    name: string,
    described: DescribedFile,
    hashing: Promise<unknown>,
    evaluate: (openRole: OpenRole) => Promise<void>,
  ): Promise<void> {
    let writer: ReferenceWriter | undefined;
    try {
      const openRole: OpenRole = async (planned, { vocabularySize }) => {
        if (name !== this.#input.reference || this.#input.saved !== undefined) return this.#candidateRole();
        writer = await this.#createReference(planned, vocabularySize);
        return { kind: 'reference', store: writer };
      };
      await evaluate(openRole);
      // Set by what was called meanwhile, which narrowing does not see.
      const written = writer as ReferenceWriter | undefined;
      if (written === undefined) return;
      await hashing;
      await written.finish(this.#environment.keepsReference ? this.#descriptionOf(name, described) : null);
      this.#isStored = true;
    } finally {
      await writer?.[Symbol.asyncDispose]();
    }
  }

  #createReference(planned: TextChunks, vocabularySize: number): Promise<ReferenceWriter> {
    const { referencePath, keepsReference } = this.#environment;
    const { contextSize } = this.#state.settings.evaluation;
    const chunks = planned.chunks.filter((_, index) => isOwn(this.#input.share, index));
    const form = keepsReference ? formOfPath(referencePath) : 'float32';
    return createReference(referencePath, { form, contextSize, vocabularySize, chunks });
  }

  /** What a reference that is kept says of itself. */
  #descriptionOf(name: string, { tokenizer }: DescribedFile) {
    const { settings } = this.#state;
    const { textSha256 } = settings.evaluation;
    const createdAt = this.#environment.now().toISOString();
    const asked = askedOf(this.#input, partsOf(settings));
    return { createdAt, textSha256, asked, tokenizer, row: this.#state.row(name) };
  }

  async #candidateRole(): Promise<TextRole> {
    const { saved } = this.#input;
    if (saved !== undefined) return { kind: 'candidate', store: saved, holds: 'all' };
    if (!this.#isStored) return { kind: 'alone' };
    const store = await openReference(this.#environment.referencePath);
    return { kind: 'candidate', store, holds: 'own' };
  }
}

/** A reference that was scored on several texts says so in its row. */
function savedTextOf({ chunks, row }: ReferenceFile): SavedText {
  const domains = (row?.domains ?? []).map(({ name, perplexity }) => ({
    name,
    chunks: isAvailable(perplexity) ? perplexity.chunks : 0,
  }));
  return { chunks, domains: isOfAll(domains, chunks.length) ? domains : [] };
}
