import { Template } from '@huggingface/jinja';
import { messageOf } from '../util/errors.ts';
import { EngineError } from './errors.ts';
import { nativeCompiler } from './native-template.ts';
import type { ChatMessage } from './replies.ts';

/**
 * `messages` as `template` writes them, with the beginning of a reply: by llama.cpp's own renderer, or a stand-in where
 * a build of llama.cpp is without it. Loading the own one sets llama.cpp's log anew.
 * @param folder with llama.cpp's libraries
 * @throws EngineError `engine/template-failed`
 */
export function renderChat(
  folder: string,
  template: string,
  messages: readonly ChatMessage[],
  tokens: { readonly bos: string; readonly eos: string },
): string {
  try {
    const compiled = nativeCompiler(folder)?.(template) ?? new Template(template);
    return compiled.render({
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: true,
      bos_token: tokens.bos,
      eos_token: tokens.eos,
    });
  } catch (cause) {
    throw new EngineError(
      'engine/template-failed',
      `the chat template cannot be rendered: ${messageOf(cause)}`,
      { cause, hint: 'quantscope validate FILE --conformance shows what the template takes.' },
    );
  }
}
