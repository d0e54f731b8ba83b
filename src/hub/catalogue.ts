/** How a model wants to be spoken to, for an app that builds prompts itself. */
export interface PromptFacts {
  /** The turns of one exchange, with `{system}` and `{prompt}` where they go. */
  readonly template: string;
  readonly stop: readonly string[];
  /** Tokens it was trained for. */
  readonly contextLength: number;
  /** Whether its template has a place for a system message. */
  readonly systemRole: boolean;
}

/** One model of the catalogue: where its quantizations are, and what one should know before shipping it. */
export interface CatalogueEntry {
  readonly title: string;
  readonly repo: string;
  readonly revision: string | null;
  /** What the bare name stands for. */
  readonly quantizations: readonly string[];
  readonly licence: string;
  readonly prompt: PromptFacts | null;
}

export type Catalogue = ReadonlyMap<string, CatalogueEntry>;
