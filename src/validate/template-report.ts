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
  | { readonly id: string; readonly status: 'ok'; readonly text: string }
  | { readonly id: string; readonly status: 'refused' | 'failed'; readonly reason: string };

/** What looking at one chat template found. */
export interface TemplateReport {
  readonly text: string;
  /** Why it does not parse; null where it does. */
  readonly parseError: string | null;
  /** What rendering a plain conversation came to; null where it was not tried. */
  readonly rendering: TemplateRendering | null;
  /** What it makes of each of {@link CONVERSATIONS}; none where it was not tried. */
  readonly conversations: readonly RenderedConversation[];
  /** Attributes that lead out of the sandbox: `__class__`, `__globals__`. */
  readonly escapes: readonly string[];
  readonly hiddenConditions: readonly HiddenCondition[];
  readonly urls: readonly string[];
}

export type TemplateRendering =
  | {
      readonly status: 'ok';
      /** Whether the user's words are in the prompt. */
      readonly keepsMessages: boolean;
    }
  /** The template itself refused the conversation. */
  | { readonly status: 'refused'; readonly reason: string }
  /** It did not work with the renderer here: perhaps it wants tools, or a function that another renderer has. */
  | { readonly status: 'failed'; readonly reason: string }
  /** The child that rendered it was ended: no answer in time, or out of memory. */
  | { readonly status: 'ended'; readonly reason: string };
