import { parentPort } from 'node:worker_threads';
import { Template } from '@huggingface/jinja';
import { messageOf } from '../util/errors.ts';
import type { RenderAnswer, RenderQuestion } from './chat-template.ts';
import { nativeCompiler } from './native-template.ts';

/** The thread that renders a model's chat template, watched by the main thread of its process: see guarded-child.ts. */
parentPort?.on('message', ({ id, folder, template, variables }: RenderQuestion) => {
  const answer = (message: RenderAnswer): void => parentPort?.postMessage(message);
  answer({ id, step: 'begun' });
  try {
    const compiled = nativeCompiler(folder)?.(template) ?? new Template(template);
    answer({ id, step: 'rendered', text: compiled.render({ ...variables }) });
  } catch (thrown) {
    answer({ id, step: 'rendered', fault: messageOf(thrown) });
  }
});
