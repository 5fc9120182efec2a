import { describe, expect, it } from 'vitest';
import { NO_EXCLUSIONS } from '../../src/flags/exclusions.ts';
import { ExcludedEvents } from '../../src/ingest/excluded-events.ts';
import { exec } from '../model/process-events.ts';
import { socketEvent } from '../model/sockets/socket-events.ts';

const lists = { exes: ['/usr/bin/node'], uids: [33], auids: [4_294_967_295] };

describe('ExcludedEvents', () => {
  it('leaves out programs and users, and counts why', () => {
    const excluded = new ExcludedEvents(lists);
    const of = { uid: 1, auid: 1, path: '/bin/sh', exe: '/bin/sh' };
    expect(excluded.has(exec({ pid: 1, ...of }))).toBe(false);
    expect(excluded.has(exec({ pid: 1, ...of, path: '/usr/bin/node' }))).toBe(true);
    expect(excluded.has(socketEvent({ ...of, exe: '/usr/bin/node' }))).toBe(true);
    expect(excluded.has(socketEvent({ ...of, uid: 33 }))).toBe(true);
    expect(excluded.has(exec({ pid: 1, ...of, auid: 4_294_967_295 }))).toBe(true);
    expect(excluded.has(socketEvent({ ...of, exe: undefined, auid: undefined }))).toBe(false);
    expect(excluded.counters).toEqual({ excludedByExe: 2, excludedByUid: 1, excludedByAuid: 1 });
  });

  it('leaves out nothing without lists, or when they are gone', () => {
    const excluded = new ExcludedEvents(lists);
    excluded.set(NO_EXCLUSIONS);
    expect(excluded.has(socketEvent({ uid: 33 }))).toBe(false);
    expect(excluded.counters).toEqual({ excludedByExe: 0, excludedByUid: 0, excludedByAuid: 0 });
  });
});
