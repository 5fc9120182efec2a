import { expect, test } from 'vitest';
import { auditsFromBoot } from '../../src/runtime/kernel-command-line.ts';

test.each([
  ['audit=1', true],
  ['ro quiet audit=1 audit_backlog_limit=8192\n', true],
  ['audit=on', true],
  ['"audit=1"', true],
  ['audit="1"', true],
  ['audit=0 audit=1', true],
  ['BOOT_IMAGE=/vmlinuz root="LABEL=a b" audit=1', true],
  ['', false],
  ['quiet', false],
  ['audit=0', false],
  ['audit=off', false],
  ['audit=OFF', false],
  ['audit=1 audit=0', false],
  ['audit_backlog_limit=8192', false],
  ['noaudit=1', false],
  ['selinux=1 -- audit=1', false],
  ['dyndbg="file a.c +p audit=1"', false],
])('%s', (commandLine, expected) => {
  expect(auditsFromBoot(commandLine)).toBe(expected);
});
