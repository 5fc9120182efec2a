import { describe, expect, test } from 'vitest';
import { capabilityMask, capabilityNumbers } from '../../src/runtime/capabilities.ts';
import { keepCapabilities, type PrivilegeCalls } from '../../src/runtime/keep-capabilities.ts';
import { ALL, type CallName, EINVAL, EPERM, FakeKernel, Restarted } from './fake-privileges.ts';

const NEEDED = ['CAP_AUDIT_CONTROL', 'CAP_DAC_READ_SEARCH'] as const;
const WANTED = capabilityMask(NEEDED);

/** Runs the program as often as it starts itself. */
const run = (kernel: FakeKernel): string | undefined => {
  try {
    return keepCapabilities(NEEDED, kernel);
  } catch (error) {
    if (!(error instanceof Restarted)) throw error;
    return keepCapabilities(NEEDED, kernel);
  }
};

const root = { permitted: ALL, effective: ALL };

describe('keepCapabilities', () => {
  test('leaves what is needed, in every thread, and nothing for programs that are run', () => {
    const kernel = new FakeKernel(root);
    expect(run(kernel)).toBeUndefined();
    expect(kernel.restarted).toBe(true);
    expect(kernel.main).toEqual({
      permitted: WANTED,
      effective: WANTED,
      bounding: WANTED,
      inheritable: 0n,
      ambient: 0n,
      noNewPrivileges: true,
    });
    for (const thread of kernel.threads()) expect(thread.effective).toBe(WANTED);
    expect(kernel.said.filter(call => call.startsWith('bound'))).toHaveLength(41 - 2);
    expect(kernel.said.filter(call => !call.startsWith('bound'))).toEqual([
      'capset',
      ...capabilityNumbers(WANTED).map(number => `raise ${number}`),
      'securebits',
      'capset',
      'no-new-privs',
      'exec',
      'capset',
    ]);
  });

  test('keeps none of those that it did not have', () => {
    const some = capabilityMask(['CAP_AUDIT_CONTROL', 'CAP_SETPCAP', 'CAP_DAC_OVERRIDE']);
    const kernel = new FakeKernel({ permitted: some, effective: some, bounding: some });
    expect(run(kernel)).toBeUndefined();
    expect(kernel.main.permitted).toBe(capabilityMask(['CAP_AUDIT_CONTROL']));
    expect(kernel.main.bounding).toBe(capabilityMask(['CAP_AUDIT_CONTROL']));
  });

  test('starts nothing anew where there is nothing to give up', () => {
    for (const start of [
      { permitted: WANTED, effective: WANTED },
      { permitted: 0n, effective: 0n },
    ]) {
      const kernel = new FakeKernel(start, { isRoot: false });
      expect(run(kernel)).toBeUndefined();
      expect(kernel.said).toEqual(['no-new-privs']);
    }
  });

  test('without CAP_SETPCAP leaves the bounding set, which gives nothing any more', () => {
    const some = capabilityMask(['CAP_AUDIT_CONTROL', 'CAP_DAC_READ_SEARCH', 'CAP_DAC_OVERRIDE']);
    for (const isRoot of [true, false]) {
      const kernel = new FakeKernel({ permitted: some, effective: some }, { isRoot });
      expect(run(kernel)).toBeUndefined();
      expect(kernel.said).not.toContain('securebits');
      for (const thread of kernel.threads()) expect(thread.permitted).toBe(WANTED);
    }
  });

  test.each<readonly [CallName, number, string]>([
    ['exec', 13, 'execve: errno 13'],
    ['raise', EPERM, 'PR_CAP_AMBIENT_RAISE: errno 1'],
  ])('goes on where %s is refused, with what its own thread can give up', (name, errno, reason) => {
    const kernel = new FakeKernel(root, { errnos: { [name]: errno } });
    const warning = run(kernel);
    expect(warning).toContain('2 of 3 threads hold capabilities beyond those needed');
    expect(warning).toContain(reason);
    expect(kernel.main).toMatchObject({ permitted: WANTED, effective: WANTED, noNewPrivileges: true });
  });

  test('never takes root its capabilities without the others being sure', () => {
    // SECBIT_NOROOT without the ambient set would leave nothing after the exec.
    const kernel = new FakeKernel(root, { errnos: { raise: EINVAL } });
    run(kernel);
    expect(kernel.said).not.toContain('securebits');
    expect(kernel.said).not.toContain('exec');
  });

  test('where a sandbox forbids everything, says so in one sentence', () => {
    const errnos = { bound: EPERM, capset: EPERM, raise: EPERM, securebits: EPERM, 'no-new-privs': EPERM };
    const kernel = new FakeKernel(root, { errnos });
    const warning = run(kernel);
    expect(warning).toMatch(/^privileges that are not needed could not be dropped: 3 of 3 threads/);
    expect(warning).toContain('no_new_privs is not set');
    expect(warning).not.toContain('\n');
    expect(kernel.said.filter(call => call.startsWith('bound'))).toHaveLength(1);
    expect(kernel.restarted).toBe(false);
  });

  test('is not started anew for ever by an exec that gives up nothing', () => {
    const kernel = new FakeKernel(root);
    kernel.restarted = true;
    expect(run(kernel)).toContain('3 of 3 threads');
    expect(kernel.said).not.toContain('exec');
  });

  test('says that there is no way to know', () => {
    const kernel: PrivilegeCalls = {
      threads: () => [],
      prctl: () => EPERM,
      capset: () => EPERM,
      wasRestarted: () => false,
      restart: () => EPERM,
    };
    expect(keepCapabilities(NEEDED, kernel)).toContain('/proc/self/task/*/status cannot be read');
  });
});
