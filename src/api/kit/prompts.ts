import type { GoldenPrompt } from '../../schema/kit.ts';

/** Tokens of each golden reply, at most. */
export const REPLY_TOKENS = 24;

/**
 * What the phone is asked: the intended uses of a small model, and one prompt long enough to be evaluated as a batch
 * with more than one row of a GPU's tiles.
 */
export const KIT_PROMPTS: readonly Pick<GoldenPrompt, 'name' | 'messages'>[] = [
  prompt('fact', 'Which city is the capital of France?'),
  prompt('arithmetic', 'What is 17 plus 25? Answer with the number only.'),
  prompt(
    'sentiment',
    'Is this review positive or negative? The soup was cold and the waiter forgot us twice.',
  ),
  prompt('extraction', 'Who wrote the letter? On Tuesday Anna wrote a letter to her brother Paul in Madrid.'),
  prompt('code', 'Write a JavaScript function that returns the larger of two numbers.'),
  prompt(
    'summary',
    'Summarize in one sentence: The old lighthouse on the northern cape was built of grey stone nearly two hundred ' +
      'years ago. For most of that time a keeper and his family lived beside it, carried oil up the stairs every ' +
      'evening and wrote down each ship that passed. When the lamp was changed to electricity the keepers moved to ' +
      'the town, and for years the house stood empty. Last spring the fishermen of the harbour repaired the roof, ' +
      'painted the doors blue and opened a small museum, where visitors can read the keepers’ books and climb to ' +
      'the lamp on clear days.',
  ),
];

function prompt(name: string, content: string): Pick<GoldenPrompt, 'name' | 'messages'> {
  return { name, messages: [{ role: 'user', content }] };
}
