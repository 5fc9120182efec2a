import { expect, test } from 'vitest';
import { checkUnauditedProcesses } from '../../../src/doctor/checks/unaudited-processes.ts';
import type { Facts, UnauditedFacts } from '../../../src/doctor/facts.ts';
import { bare, healthy, runningCore } from '../facts.ts';

const check = (changes: Partial<Facts>) => checkUnauditedProcesses({ ...healthy, ...changes });

const some: UnauditedFacts = {
  kind: 'known',
  processes: 131,
  users: [
    { name: 'nginx', processes: 9, sockets: 120 },
    { name: 'postgres', processes: 30, sockets: 31 },
    { name: 'cron', processes: 92, sockets: 0 },
  ],
};
const none: UnauditedFacts = { kind: 'known', processes: 0, users: [] };
const unclear: UnauditedFacts = { kind: 'unknown', why: 'the kernel has no BTF' };
const withBpf = (bpf: string | undefined): Facts['core'] => ({ ...runningCore, bpf });

test('all processes are seen', () => {
  expect(check({ unaudited: none })).toEqual([expect.objectContaining({ status: 'ok', fix: null })]);
});

test('those that audit does not see are counted, the largest users of the network named, and the way out told', () => {
  const [result] = check({ unaudited: some, core: withBpf('off: custom_audit_bpf=off') });
  expect(result).toMatchObject({ status: 'problem', fix: expect.stringContaining('update-grub') });
  expect(result!.found).toContain('131 running processes');
  expect(result!.found).toContain('nginx 120, postgres 31');
  expect(result!.found).not.toContain('cron');
  expect(result!.found).toContain('custom_audit_bpf=off');
});

test('BPF sees them', () => {
  expect(check({ unaudited: some, core: withBpf('tp_btf') })).toMatchObject([
    { status: 'ok', found: expect.stringMatching(/131 .*BPF/) },
  ]);
});

test('without a running extension nobody can say whether BPF will see them', () => {
  for (const core of [bare.core, withBpf(undefined)]) {
    expect(check({ unaudited: some, core })).toMatchObject([
      { status: 'unknown', fix: expect.stringContaining('audit=1') },
    ]);
  }
});

test('one, and without sockets', () => {
  const [result] = check({
    unaudited: { kind: 'known', processes: 1, users: [{ name: 'cron', processes: 1, sockets: 0 }] },
  });
  expect(result!.found).toMatch(/^1 running process is /);
  expect(result!.found).toContain('none of them has a TCP or UDP socket');
});

test('how many there are cannot be determined', () => {
  expect(check({ unaudited: unclear })).toMatchObject([
    { status: 'unknown', found: expect.stringContaining('no BTF'), fix: expect.stringContaining('audit=1') },
  ]);
  expect(check({ unaudited: unclear, host: { ...healthy.host, isRoot: false } })).toMatchObject([
    { status: 'unknown', fix: expect.stringContaining('as root') },
  ]);
});

test('with audit=1 there are none, also where they cannot be counted', () => {
  const system = { ...healthy.system, auditsFromBoot: true };
  expect(check({ unaudited: unclear, system })).toMatchObject([
    { status: 'ok', found: expect.stringContaining('audit=1') },
  ]);
});

test('rules that prevent processes from being audited make such processes even with audit=1', () => {
  const system = { ...healthy.system, auditsFromBoot: true };
  const [result] = check({ unaudited: some, system, core: withBpf('off: x') });
  expect(result).toMatchObject({ status: 'problem', fix: expect.stringContaining('never,task') });
  expect(result!.found).not.toContain('older');
});

test('other systems, and kernels without audit, have no such processes', () => {
  expect(check({ host: { ...healthy.host, platform: 'darwin' } })).toEqual([]);
  expect(check({ host: { ...healthy.host, kernelHasAudit: false } })).toEqual([]);
});
