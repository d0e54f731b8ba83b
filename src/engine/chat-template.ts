import { Template } from '@huggingface/jinja';
import { messageOf } from '../util/errors.ts';
import { EngineError } from './errors.ts';
import type { ChatMessage } from './replies.ts';

/**
 * `messages` as `template` writes them, with the beginning of a reply.
 * @throws EngineError `engine/template-failed`
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  tokens: { readonly bos: string; readonly eos: string },
): string {
  try {
    return new Template(template).render({
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: true,
      bos_token: tokens.bos,
      eos_token: tokens.eos,
    });
  } catch (cause) {
    throw new EngineError(
      'engine/template-failed',
      `the chat template cannot be rendered: ${messageOf(cause)}`,
      { cause, hint: 'quantscope validate names the template’s fault.' },
    );
  }
}
