// One reply, and a session for many: node run.mjs nano:Q2_K 'Which river runs through Prague?'
import { openRunSession, runPrompt } from 'quantscope';
import { host, say } from './host.mjs';

const [ref, prompt] = process.argv.slice(2);
const request = { ...host, maxTokens: 8, threads: 1, gpu: 'off' };
const { reply } = await runPrompt(ref, prompt, request);
say(`reply: ${JSON.stringify(reply.text)}`);

// The model stays loaded until the session ends. Newer Node has `await using` for that.
const session = await openRunSession(ref, request);
try {
  const { tokens } = await session.promptOf([{ role: 'user', content: prompt }]);
  const sampling = {
    ...{ temperature: 0, topK: 0, topP: 1, minP: 0 },
    ...{ repeatPenalty: 1, repeatLastTokens: 0, seed: 1 },
  };
  const settings = { sampling, maxTokens: 8, stopTexts: [], candidates: 0 };
  const { text } = await session.reply(tokens, settings, () => {});
  say(`again: ${JSON.stringify(text)}`);
} finally {
  await session[Symbol.asyncDispose]();
}
