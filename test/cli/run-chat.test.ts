import { describe, expect, it } from 'vitest';
import { Conversation } from '../../src/api/run/conversation.ts';
import type { ReplySettings } from '../../src/api/run/session.ts';
import { changeSetting, describeSettings, parseChatCommand } from '../../src/cli/run/chat-commands.ts';
import type { ChatMessage } from '../../src/engine/replies.ts';
import { plainStyle } from '../../src/report/style.ts';

const settings: ReplySettings = {
  sampling: {
    temperature: 0.8,
    topK: 40,
    topP: 0.95,
    minP: 0.05,
    repeatPenalty: 1,
    repeatLastTokens: 64,
    seed: 1,
  },
  maxTokens: Number.MAX_SAFE_INTEGER,
  stopTexts: [],
  candidates: 0,
};

/** Ten tokens a message. */
const tenEach = async (messages: readonly ChatMessage[]) => ({
  tokens: new Uint32Array(messages.length * 10),
});

function talked(turns: number, system?: string): Conversation {
  const conversation = new Conversation(system);
  for (let turn = 1; turn <= turns; turn++) {
    conversation.ask(`question ${turn}`);
    if (turn < turns) conversation.answer(`answer ${turn}`);
  }
  return conversation;
}

describe('a conversation', () => {
  it('gives its turns in order after the system message', () => {
    expect(talked(2, 'be brief').messages()).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'question 1' },
      { role: 'assistant', content: 'answer 1' },
      { role: 'user', content: 'question 2' },
    ]);
  });

  it('forgets the oldest turns until a quarter of the context is free, and never the last question', async () => {
    const conversation = talked(5, 'be brief');
    const { tokens, droppedTurns } = await conversation.fit(80, tenEach);
    // 60 of 80 tokens: the system message and 5 of the 9 others.
    expect(tokens.length).toBe(60);
    expect(droppedTurns).toBe(2);
    expect(conversation.messages()[1]?.content).toBe('question 3');
    const single = talked(1);
    expect(await single.fit(4, tenEach)).toMatchObject({ droppedTurns: 0 });
    expect(single.length).toBe(1);
  });

  it('takes the last turn back', () => {
    const conversation = talked(2);
    expect(conversation.undo()).toBe('question 2');
    expect(conversation.messages()).toHaveLength(2);
    conversation.clear();
    expect(conversation.undo()).toBeUndefined();
  });
});

describe('a chat command', () => {
  it.each([
    ['/help', { kind: 'help' }],
    ['/exit', { kind: 'exit' }],
    ['/quit', { kind: 'exit' }],
    ['/system be kind', { kind: 'system', argument: 'be kind' }],
    ['/system', { kind: 'system', argument: '' }],
    ['/set', { kind: 'show-settings' }],
    ['/set top-p 0.5', { kind: 'set', name: 'top-p', value: '0.5' }],
    ['/save', { kind: 'unknown', problem: '/save needs a file' }],
    ['/nonsense', { kind: 'unknown', problem: 'there is no /nonsense' }],
  ])('%s', (line, command) => {
    expect(parseChatCommand(line)).toEqual(command);
  });

  it('changes one setting and leaves the others', () => {
    expect(changeSetting(settings, 'top-k', '10')).toEqual({
      ...settings,
      sampling: { ...settings.sampling, topK: 10 },
    });
    expect(changeSetting(settings, 'max-tokens', '7')).toMatchObject({ maxTokens: 7 });
  });

  it.each([
    ['temperature', '-1', /from 0 to 100/],
    ['temperature', '', /from 0/],
    ['top-k', '1.5', /whole number/],
    ['top-p', '2', /from 0 to 1/],
    ['max-tokens', '0', /at least 1/],
    ['colour', '1', /no setting "colour": temperature, top-k/],
  ])('refuses %s %s', (name, value, message) => {
    expect(changeSetting(settings, name, value)).toMatch(message);
  });

  it('shows every setting', () => {
    const shown = describeSettings(settings, { width: 80, style: plainStyle });
    expect(shown).toMatch(/temperature +0\.8\n.*max-tokens +until the context is full/s);
  });
});
