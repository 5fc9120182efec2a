import { expect, test } from 'vitest';
import { extensionPresence } from '../../src/doctor/extension-presence.ts';

const core = { kind: 'absent', path: '' } as const;
const names = new Map([
  [1, 'systemd'],
  [500, 'osquery-audit-e'],
]);

test('an extension is a process that has its name and is run by who may', () => {
  const processes = { names, ofUsers: new Set<number>(), complete: true };
  expect(extensionPresence({ core, processes })).toEqual({ kind: 'present', pid: 500 });
});

test('no user keeps audit from being put back by the name of his process', () => {
  const processes = { names, ofUsers: new Set([500]), complete: true };
  expect(extensionPresence({ core, processes })).toEqual({ kind: 'absent' });
  // Nor hides the one that is there.
  const both = {
    names: new Map([...names, [600, 'osquery-audit-e']]),
    ofUsers: new Set([500]),
    complete: true,
  };
  expect(extensionPresence({ core, processes: both })).toEqual({ kind: 'present', pid: 600 });
});
