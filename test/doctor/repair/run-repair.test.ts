import { expect, test } from 'vitest';
import { readProcesses } from '../../../src/doctor/readers/read-processes.ts';
import { presenceFor } from '../../../src/doctor/repair/run-repair.ts';
import { fakeRoot, processFiles } from '../fake-root.ts';

const capabilities = (permitted: string): string =>
  ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']
    .map(name => `${name}:\t${name === 'CapPrm' ? permitted : '0000000000000000'}`)
    .concat('NoNewPrivs:\t1')
    .join('\n');

const presence = (permitted: string, uid = 0) => {
  const files = processFiles(500, 'osquery-audit-e', { uid });
  const status = `${files['/proc/500/status']}${capabilities(permitted)}\n`;
  const root = fakeRoot({ ...processFiles(1, 'systemd'), ...files, '/proc/500/status': status });
  return presenceFor(readProcesses(root, 50));
};

test('an instance that reads recorded events does not keep audit from being put back', () => {
  // CAP_DAC_READ_SEARCH.
  expect(presence('0000000000000004')).toEqual({ kind: 'absent' });
});

test('one that may change audit does', () => {
  // CAP_AUDIT_CONTROL.
  expect(presence('0000000040000000')).toEqual({ kind: 'present', pid: 500 });
});

test('a process that a user has given its name does not', () => {
  expect(presence('0000000040000000', 65_533)).toEqual({ kind: 'absent' });
});
