import { describe, expect, it } from 'vitest';
import { auditSource } from '../../../src/model/sources/audit.ts';
import { exec } from '../process-events.ts';

const fieldsOf = (event: ReturnType<typeof exec>) => auditSource().resolve(event, {});

describe('auditSource', () => {
  it('says what the event says', () => {
    const event = exec({
      at: 7,
      pid: 42,
      uid: 1000,
      auid: 1001,
      ses: 3,
      tty: 'pts0',
      comm: 'sh',
      path: '/usr/bin/dash',
      argv: ['sh', '-c', 'a b'],
    });
    expect(fieldsOf(event)).toEqual({
      timestamp: '2024-05-21T12:00:00.007Z',
      user_uid: 1000,
      login_user_uid: 1001,
      process_pid: 42,
      process_name: 'dash',
      process_path: '/usr/bin/dash',
      process_command_line: 'sh -c a b',
      argv: ['sh', '-c', 'a b'],
      session: 3,
      tty: 'pts0',
    });
  });

  it('has no login where nobody logged in, and no text where none was recorded', () => {
    expect(fieldsOf(exec())).toMatchObject({
      login_user_uid: undefined,
      session: undefined,
      process_command_line: undefined,
      process_name: undefined,
    });
  });

  it.each([
    ['/usr/bin/prog (deleted)', 'comm', 'prog'],
    ['/memfd:x (deleted)', 'comm', 'memfd:x'],
    ['/', 'comm', 'comm'],
    ['', 'comm', 'comm'],
    [undefined, 'comm', 'comm'],
    ['prog', 'comm', 'prog'],
  ])('names a process that runs %s', (path, comm, name) => {
    expect(fieldsOf(exec({ path, comm }))).toMatchObject({ process_name: name, process_path: path });
  });

  it('has no timestamp for a time that cannot be written', () => {
    expect(fieldsOf({ ...exec(), seconds: Number.MAX_SAFE_INTEGER })).toMatchObject({ timestamp: undefined });
    expect(fieldsOf({ ...exec(), seconds: Number.NaN })).toMatchObject({ timestamp: undefined });
  });
});
