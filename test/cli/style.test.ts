import { describe, expect, it } from 'vitest';
import { terminalStyle } from '../../src/cli/style.ts';
import { plainStyle } from '../../src/report/style.ts';

const terminal = { isTTY: true };
const pipe = { isTTY: false };

describe('the style of a stream', () => {
  it('has colours on a terminal and none elsewhere', () => {
    expect(terminalStyle(terminal, {}).good('ok')).toBe('\u001B[32mok\u001B[39m');
    expect(terminalStyle(pipe, {})).toBe(plainStyle);
    expect(terminalStyle({}, {})).toBe(plainStyle);
  });

  it('respects NO_COLOR, unless that is empty', () => {
    expect(terminalStyle(terminal, { NO_COLOR: '1' })).toBe(plainStyle);
    expect(terminalStyle(terminal, { NO_COLOR: '' })).not.toBe(plainStyle);
  });

  it('gives FORCE_COLOR the last word', () => {
    expect(terminalStyle(pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }).bad('no')).toBe('\u001B[31mno\u001B[39m');
    expect(terminalStyle(terminal, { FORCE_COLOR: '0' })).toBe(plainStyle);
    expect(terminalStyle(terminal, { FORCE_COLOR: 'false' })).toBe(plainStyle);
  });

  it('leaves a dumb terminal alone', () => {
    expect(terminalStyle(terminal, { TERM: 'dumb' })).toBe(plainStyle);
  });
});
