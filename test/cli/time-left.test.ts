import { beforeEach, describe, expect, it } from 'vitest';
import { createTimeLeft } from '../../src/cli/time-left.ts';

let clock = 0;
const now = () => clock;

beforeEach(() => {
  clock = 1000;
});

describe('the time left', () => {
  it('is not known before anything has run', () => {
    const time = createTimeLeft(['A', 'B'], ['load', 'speed'], now);
    expect(time.whole()).toBeUndefined();
    expect(time.stage()).toBeUndefined();
  });

  it('is known for a stage as soon as that has got somewhere', () => {
    const time = createTimeLeft(['A', 'B'], ['load', 'speed'], now);
    time.advance('A', 'load', 0, 4);
    clock += 300;
    expect(time.stage()).toBeUndefined();
    time.advance('A', 'load', 1, 4);
    expect(time.stage()).toBe(900);
    expect(time.whole()).toBeUndefined();
  });

  it('is known for the whole once every stage has run, and adds up what is to come', () => {
    const time = createTimeLeft(['A', 'B', 'C'], ['load', 'speed'], now);
    time.advance('A', 'load', 0, 2);
    clock += 100;
    time.advance('A', 'speed', 0, 2);
    clock += 500;
    expect(time.whole()).toBeUndefined();
    time.advance('A', 'speed', 1, 2);
    // Half of speed, then load and speed of B and C; their speed has no finished past yet.
    expect(time.whole()).toBeUndefined();
    clock += 500;
    time.finish('A', true);
    expect(time.whole()).toBe(2 * (100 + 1000));
    time.advance('B', 'load', 0, 2);
    clock += 60;
    expect(time.whole()).toBe(40 + 1000 + 1100);
  });

  it('is judged by the running stage itself where that is slower than its past', () => {
    const time = createTimeLeft(['A', 'B'], ['load'], now);
    time.advance('A', 'load', 0, 2);
    clock += 100;
    time.finish('A', true);
    clock += 200;
    time.advance('B', 'load', 1, 10);
    expect(time.whole()).toBeCloseTo(1800);
  });

  it('counts down between two reports and grows when one is overdue', () => {
    const time = createTimeLeft(['A'], ['load'], now);
    clock += 1000;
    time.advance('A', 'load', 1, 10);
    expect(time.whole()).toBeCloseTo(9000);
    clock += 500;
    expect(time.whole()).toBeCloseTo(8500);
    clock += 5000;
    expect(time.whole()).toBeGreaterThan(20_000);
  });

  it('does not learn from a stage that broke off', () => {
    const time = createTimeLeft(['A', 'B'], ['load'], now);
    time.advance('A', 'load', 1, 10);
    clock += 1;
    expect(time.finish('A', false)).toBeUndefined();
    expect(time.whole()).toBeUndefined();
  });

  it('waits for one complete variant when it was not told the stages', () => {
    const time = createTimeLeft(['A', 'B'], [], now);
    time.advance('A', 'load', 0, 2);
    clock += 100;
    time.advance('A', 'speed', 9, 10);
    expect(time.whole()).toBeUndefined();
    clock += 100;
    time.finish('A', true);
    expect(time.whole()).toBe(200);
  });

  it('reports each stage once, when the next begins or the variant ends', () => {
    const time = createTimeLeft(['A'], ['load', 'speed'], now);
    expect(time.advance('A', 'load', 1, 1)).toBeUndefined();
    clock += 70;
    expect(time.advance('A', 'speed', 0, 2)).toEqual({ variant: 'A', stage: 'load', elapsedMs: 70 });
    clock += 30;
    expect(time.finish('A', true)).toEqual({ variant: 'A', stage: 'speed', elapsedMs: 30 });
    expect(time.whole()).toBe(0);
  });
});
