import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { loginSource } from '../../../src/model/sources/login.ts';
import { namespacesSource } from '../../../src/model/sources/namespaces.ts';
import { exec } from '../process-events.ts';

const procfs = new ProcfsReader();
const own = exec({ pid: process.pid });
/** Above the kernel's limit. */
const nobody = exec({ pid: 4_194_305 });
const ended = { process: { exitMs: 1 } };

describe('namespacesSource', () => {
  it('agrees with the kernel about this process', () => {
    expect(namespacesSource(procfs).resolve(own, {})).toEqual({
      process_mnt_namespace: statSync('/proc/self/ns/mnt').ino,
      process_net_namespace: statSync('/proc/self/ns/net').ino,
      process_pid_namespace: statSync('/proc/self/ns/pid').ino,
      process_user_namespace: statSync('/proc/self/ns/user').ino,
      process_namespace_pid: process.pid,
    });
  });

  it('says nothing of a process that is gone', () => {
    const fields = namespacesSource(procfs).resolve(nobody, {});
    expect(Object.values(fields!).every(value => value === undefined)).toBe(true);
    expect(namespacesSource(procfs).resolve(own, ended)).toBeUndefined();
  });
});

describe('loginSource', () => {
  it('agrees with the kernel about this process', () => {
    const id = (name: string) => {
      const value = Number(readFileSync(`/proc/self/${name}`, 'utf8'));
      return value === 4_294_967_295 ? undefined : value;
    };
    expect(loginSource(procfs).resolve(own, {})).toEqual({
      process_loginuid: id('loginuid'),
      process_sessionid: id('sessionid'),
    });
  });

  it('says nothing of a process that is gone', () => {
    expect(loginSource(procfs).resolve(nobody, {})).toEqual({
      process_loginuid: undefined,
      process_sessionid: undefined,
    });
    expect(loginSource(procfs).resolve(own, ended)).toBeUndefined();
  });
});
