import { expect, test } from 'vitest';
import { encodeRule, NO_EVENTS, rulesFor } from '../../../src/audit/control/rules.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';
import { checkWatchedFiles } from '../../../src/doctor/checks/watched-files.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { auditFacts, bare, coreWith, EXTENSION, healthy, ownRules } from '../facts.ts';

const fileRules = rulesFor(
  { ...NO_EVENTS, watches: [{ kind: 'directory', path: '/etc' }] },
  nativeArchitectures('x64', 'LE'),
  EXTENSION,
).map(encodeRule);

const on = coreWith({ audit_allow_fim_events: 'true' });
const naming = (filePaths: number): Facts['config'] => ({ ...healthy.config, filePaths }) as Facts['config'];
const check = (changes: Partial<Facts>) => checkWatchedFiles({ ...healthy, core: on, ...changes });

test('nothing is said where the table is off, or osquery is not there', () => {
  expect(checkWatchedFiles(healthy)).toEqual([]);
  expect(checkWatchedFiles(bare)).toEqual([]);
});

test('a configuration without file_paths is a problem', () => {
  expect(check({ config: naming(0) })).toMatchObject([
    {
      status: 'problem',
      found: expect.stringContaining('/etc/osquery/osquery.conf has no file_paths'),
      fix: expect.stringContaining('"file_paths"'),
    },
  ]);
});

test('rules in place are in order', () => {
  const audit = auditFacts({}, [...ownRules(), ...fileRules]);
  expect(check({ config: naming(3), audit })).toMatchObject([
    { status: 'ok', found: expect.stringMatching(/^\d+ rules of the kernel in place, for 3 patterns/) },
  ]);
});

test('a running extension without such rules is a problem', () => {
  expect(check({ config: naming(1) })).toMatchObject([
    { status: 'problem', found: expect.stringContaining('no rule watches a file, for 1 pattern ') },
  ]);
});

test('a configuration from elsewhere is judged by the rules alone', () => {
  const core = coreWith({ audit_allow_fim_events: 'true', config_plugin: 'tls' });
  expect(check({ core, config: naming(0) })).toMatchObject([
    { status: 'problem', found: expect.stringMatching(/no rule watches a file$/) },
  ]);
  const audit = auditFacts({}, fileRules);
  expect(check({ core, config: naming(0), audit })).toMatchObject([{ status: 'ok' }]);
});

test('without the extension there is only the configuration to look at', () => {
  const processes = { ...healthy.processes, names: new Map([[700, 'osqueryd']]) };
  const core = { ...on, extensions: new Map<string, string>() };
  expect(check({ core, processes, config: naming(2) })).toMatchObject([
    { status: 'ok', found: '2 patterns in the configuration; the extension makes rules from them' },
  ]);
});
