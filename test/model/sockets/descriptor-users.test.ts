import { describe, expect, it } from 'vitest';
import { type Asked, DescriptorUsers, HOLD_MS } from '../../../src/model/sockets/descriptor-users.ts';
import { socketQuestion } from '../../../src/model/sockets/socket-question.ts';
import { socketEvent } from './socket-events.ts';

const BASE = 1_700_000_000_000;

/** One that began at `at`, and was looked at at `looked`. */
const asked = (at: number, looked?: number, inode?: number, facts = {}): Asked<string> => {
  const wall = BASE + at;
  const event = socketEvent({ seconds: Math.floor(wall / 1000), milliseconds: wall % 1000, ...facts });
  return {
    eid: at,
    question: socketQuestion(event)!,
    inode,
    lookedAt: looked,
    lookedWallMs: looked === undefined ? 0 : BASE + looked + 1,
    found: 'found',
    isDoubtful: false,
    fate: 'open',
    next: undefined,
  };
};

const judgeAll = (...all: Asked<string>[]) => {
  const users = new DescriptorUsers<string>();
  for (const each of all) users.add(each);
  return (now: number) => all.map(each => users.judge(each, now));
};

describe('what a descriptor was at a look', () => {
  it('is told once nobody else can turn up', () => {
    const fates = judgeAll(asked(0, 1, 7));
    expect(fates(HOLD_MS)).toEqual(['open']);
    expect(fates(1 + HOLD_MS)).toEqual(['sure']);
  });

  it('is void for a call before which another one came by the same descriptor', () => {
    const users = new DescriptorUsers<string>();
    const first = asked(0);
    expect(users.add(first)).toBeUndefined();
    expect(users.add(asked(1))).toBe(first);
    expect(users.add(asked(1, undefined, undefined, { fd: 4 }))).toBeUndefined();
    expect(users.add(asked(1, undefined, undefined, { pid: 101 }))).toBeUndefined();
  });

  it('is its own where the next call began after the look, even if that has the same socket', () => {
    expect(judgeAll(asked(0, 1, 7), asked(2, 3, 7))(200)).toEqual(['sure', 'sure']);
  });

  it('is not told where the next call may have begun before the look and has the same socket', () => {
    // A blocking connect, whose record comes when it is through.
    expect(judgeAll(asked(0, 10, 7), asked(5, 41, 7))(200)).toEqual(['unknown', 'sure']);
  });

  it('is told where the next call may have begun before, and is another socket for sure', () => {
    expect(judgeAll(asked(0, 10, 7), asked(8, 11, 8))(200)).toEqual(['sure', 'sure']);
  });

  it('is not told where the next call was there so soon that it may be its socket, and was gone when it was looked at', () => {
    expect(judgeAll(asked(0, 10, 7), asked(8, 11, undefined))(200)).toEqual(['unknown', 'sure']);
  });

  it('is as sure as what comes after it', () => {
    const three = [asked(0, 10, 7), asked(8, 11, 8), asked(9, 12, 8)] as const;
    expect(judgeAll(...three)(200)).toEqual(['unknown', 'unknown', 'sure']);
  });

  it('is the same socket where it was bound first and then connected', () => {
    const bind = { action: 'bind', local: { address: '0.0.0.0', port: 0 }, remote: undefined } as const;
    expect(judgeAll(asked(0, 10, 7, bind), asked(5, 12, 7))(200)).toEqual(['sure', 'sure']);
  });

  it('is not told of an address that was translated if anybody else used the descriptor', () => {
    const first = { ...asked(0, 1, 7), isDoubtful: true };
    expect(judgeAll(first)(200)).toEqual(['sure']);
    const again = { ...asked(0, 1, 7), isDoubtful: true };
    expect(judgeAll(again, asked(20, 21, 8))(200)).toEqual(['unknown', 'sure']);
  });
});
