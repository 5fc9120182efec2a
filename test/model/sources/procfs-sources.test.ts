import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CgroupFactsCache } from '../../../src/model/container/cgroup-facts.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { cgroupSource } from '../../../src/model/sources/cgroup.ts';
import { loginSource } from '../../../src/model/sources/login.ts';
import { namespacesSource } from '../../../src/model/sources/namespaces.ts';
import { exec, execFacts } from '../process-events.ts';

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

  it('says what the kernel knew at the exec, even if the process is gone', () => {
    expect(namespacesSource(procfs).resolve(nobody, { ...ended, exec_facts: execFacts({}) })).toEqual({
      process_mnt_namespace: 42,
      process_net_namespace: 43,
      process_pid_namespace: 44,
      process_user_namespace: 45,
      process_namespace_pid: 1,
    });
  });

  it('says nothing of a process that is gone', () => {
    const fields = namespacesSource(procfs).resolve(nobody, {});
    expect(Object.values(fields!).every(value => value === undefined)).toBe(true);
    expect(namespacesSource(procfs).resolve(own, ended)).toBeUndefined();
  });
});

describe('cgroupSource', () => {
  const cgroup = { path: '/docker/x', container: { id: 'x', runtime: 'docker', podUid: undefined } } as const;

  it('says where a process was at its exec, even if it is gone', () => {
    const exec_facts = execFacts({ cgroup: { ...cgroup, mayBeOfEnding: false } });
    const source = cgroupSource(procfs, new CgroupFactsCache());
    expect(source.resolve(nobody, { ...ended, exec_facts })).toEqual({
      process_cgroup: '/docker/x',
      cgroup_container: cgroup.container,
    });
  });

  it('reads procfs where the kernel did not tell the path', () => {
    const source = cgroupSource(procfs, new CgroupFactsCache());
    const exec_facts = execFacts({ cgroup: undefined });
    expect(source.resolve(own, { exec_facts })).toEqual(source.resolve(own, {}));
    expect(source.resolve(nobody, { exec_facts })).toBeUndefined();
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
