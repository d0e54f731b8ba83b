/** A condition of a template on what a message says, and the text that is added where it holds. */
export interface HiddenCondition {
  readonly trigger: string;
  readonly added: string;
}

/** The texts of the tokens that a template may write by the names bos_token and eos_token. */
export interface TemplateTokens {
  readonly bos: string;
  readonly eos: string;
}

/** What a template made of one of {@link CONVERSATIONS}. */
export type RenderedConversation =
  | {
      readonly id: string;
      readonly status: 'ok';
      readonly text: string;
      /** The template does not take the content as it is: llama.cpp hands it on as plain text. */
      readonly asText?: true;
    }
  | { readonly id: string; readonly status: 'refused' | 'failed'; readonly reason: string };

/** What looking at one chat template found. */
export interface TemplateReport {
  readonly text: string;
  /** Why it does not parse; null where it does. */
  readonly parseError: string | null;
  /** Why its process was ended before it had rendered all: no answer in time, or out of memory. null where it had. */
  readonly ended: string | null;
  /** Who rendered it: llama.cpp’s own, one that writes the same, or where that is not installed, what stands in. */
  readonly renderer: 'llama.cpp' | 'equivalent' | 'stand-in';
  /** What it makes of each of {@link CONVERSATIONS}; none where it was not tried. */
  readonly conversations: readonly RenderedConversation[];
  /** Attributes that lead out of the sandbox: `__class__`, `__globals__`. */
  readonly escapes: readonly string[];
  readonly hiddenConditions: readonly HiddenCondition[];
  readonly urls: readonly string[];
  /** Names by which it gets the date that it writes; none where it writes the same on another day. */
  readonly dates: readonly string[];
}
