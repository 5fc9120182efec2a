import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HostFacts } from '../../src/runtime/host-facts.ts';
import { liveEvents, readHostFacts, recordedLogs } from '../../src/runtime/host-facts.ts';
import { unless, whyNotLinux } from '../unless.ts';

const linuxRoot: HostFacts = {
  platform: 'linux',
  isRoot: true,
  canControlAudit: true,
  kernelHasAudit: true,
  inInitialNamespaces: true,
  hasAuditPipe: false,
};

test.each<[string, Partial<HostFacts>, string | undefined]>([
  ['root on Linux', {}, undefined],
  ['a user with the capability', { isRoot: false }, undefined],
  ['a user', { isRoot: false, canControlAudit: false }, 'reading audit events needs root'],
  [
    'root without the capability',
    { canControlAudit: false },
    'root lacks the capability CAP_AUDIT_CONTROL here',
  ],
  [
    'a kernel without audit',
    { kernelHasAudit: false },
    'this kernel has no audit, or was started with audit=0',
  ],
  [
    'a container',
    { inInitialNamespaces: false },
    "audit belongs to the host's own namespaces, and this is a container",
  ],
  [
    'a big-endian host',
    { isBigEndian: true },
    'live events are read on little-endian machines only; --replay reads logs here',
  ],
  ['root on macOS', { platform: 'darwin', hasAuditPipe: true }, undefined],
  [
    'a user on macOS',
    { platform: 'darwin', hasAuditPipe: true, isRoot: false },
    'reading audit events needs root',
  ],
  ['macOS without audit', { platform: 'darwin' }, 'this system has no /dev/auditpipe'],
  ['elsewhere', { platform: 'win32' }, 'audit events need Linux or macOS, and this is win32'],
])('%s', (_, facts, why) => {
  const expected = why === undefined ? { kind: 'possible' } : { kind: 'impossible', why };
  expect(liveEvents({ ...linuxRoot, ...facts })).toEqual(expected);
});

test('the facts of this process agree with each other', unless(whyNotLinux), () => {
  const facts = readHostFacts();
  expect(facts.platform).toBe('linux');
  expect(facts.isRoot).toBe(process.geteuid?.() === 0);
  expect(facts.hasAuditPipe).toBe(false);
});

test('recordings are found below a directory, in order, and none where there is no directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'recorded-'));
  try {
    mkdirSync(join(directory, 'b'));
    for (const name of ['b/two.log', 'one.log', 'one.rows.json']) writeFileSync(join(directory, name), '');
    expect(recordedLogs(directory)).toEqual([`${directory}/b/two.log`, `${directory}/one.log`]);
    expect(recordedLogs(join(directory, 'none'))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
