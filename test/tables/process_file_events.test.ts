import { describe, expect, it } from 'vitest';
import type { FileEvent } from '../../src/audit/audit-event.ts';
import { fileCallNames } from '../../src/audit/file-calls.ts';
import { processFileEvents } from '../../tables/process_file_events.ts';
import { ACTOR, contextWith, EVERYTHING, ORIGIN, rowOf, settingsWith } from './table-rows.ts';

const EVENT: FileEvent = {
  kind: 'file',
  ...ORIGIN,
  ...ACTOR,
  node: undefined,
  names: undefined,
  pid: 100,
  operation: 'rename',
  syscall: 'renameat2',
  exit: 0,
  cwd: '/work',
  path: '/etc/a',
  destPath: '/etc/b',
  isPartial: false,
  isSelected: true,
  inode: '262',
  mode: '0100644',
  ownerUid: 10,
  ownerGid: 11,
};
const pattern = (text: string) => ({ category: 'config', pattern: text });
const watching = (included: string[], excluded: string[] = [], more = {}) =>
  contextWith({
    ...EVERYTHING,
    ...more,
    watched: { included: included.map(pattern), excluded: excluded.map(pattern) },
  });
const isThere = (event: Partial<FileEvent>, ...watched: Parameters<typeof watching>): boolean =>
  rowOf(processFileEvents, { ...EVENT, ...event }, watching(...watched)) !== undefined;

describe('process_file_events', () => {
  it('has every column', () => {
    const context = contextWith(
      { ...EVERYTHING, watched: { included: [pattern('/etc/%%')], excluded: [] } },
      { uptime: 3_600 },
    );
    expect(rowOf(processFileEvents, EVENT, context)).toEqual({
      operation: 'rename',
      pid: '100',
      ppid: '101',
      time: '1795474704',
      executable: '/usr/bin/echo',
      partial: 'false',
      cwd: '/work',
      path: '/etc/a',
      dest_path: '/etc/b',
      uid: '1',
      gid: '2',
      auid: '1000',
      euid: '3',
      egid: '4',
      suid: '5',
      sgid: '6',
      fsuid: '7',
      fsgid: '8',
      uptime: '3600',
      eid: '0000000001',
      category: 'config',
      syscall: 'renameat2',
      comm: 'echo',
      tty: 'pts0',
      ses: '9',
      inode: '262',
      mode: '0100644',
      owner_uid: '10',
      owner_gid: '11',
      audit_id: '1795474704.082:386',
    });
  });

  it('has what the configuration names, by either path', () => {
    expect(isThere({}, ['/etc/b'])).toBe(true);
    expect(isThere({}, ['/etc/c', '/etc/%.conf'])).toBe(false);
    expect(isThere({}, ['/etc/%%'], ['/etc/%%'])).toBe(false);
    expect(isThere({}, [])).toBe(true);
  });

  it('has what the kernel has selected where the path is not the host’s, and nothing of others there', () => {
    const inContainer = { path: '/app/x', destPath: undefined };
    expect(isThere(inContainer, ['/var/lib/volume/%%'])).toBe(true);
    expect(isThere({ ...inContainer, isSelected: false }, ['/var/lib/volume/%%'])).toBe(false);
  });

  it('has nothing of the directory that the rules are made for', () => {
    const atAnchor = { path: '/proc/driver/x', destPath: undefined };
    expect(isThere(atAnchor, ['/etc/%%', '/usr/bin/%%'])).toBe(false);
    expect(isThere(atAnchor, ['/proc/driver/%%'])).toBe(true);
  });

  it('has all of recorded events, of which nobody says what is watched', () => {
    expect(rowOf(processFileEvents, { ...EVENT, isSelected: false }, contextWith(EVERYTHING))).toBeDefined();
  });

  it('leaves out accesses and what is partial, unless its flags say otherwise', () => {
    const read = { operation: 'read' } as const;
    expect(isThere(read, ['/etc/%%'])).toBe(false);
    expect(isThere(read, ['/etc/%%'], [], { fimShowAccesses: true })).toBe(true);
    expect(isThere({ isPartial: true }, ['/etc/%%'])).toBe(false);
    expect(isThere({ isPartial: true, path: 'a' }, ['/etc/%%'], [], { showPartialFimEvents: true })).toBe(
      true,
    );
  });

  it('is switched by its flag', () => {
    expect(processFileEvents.subscribes(settingsWith())).toBeUndefined();
    expect(rowOf(processFileEvents, EVENT, contextWith(settingsWith()))).toBeUndefined();
    expect(processFileEvents.subscribes(settingsWith({ fim_events: true }))).toEqual({
      syscalls: fileCallNames,
    });
  });
});
