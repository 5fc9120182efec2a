import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { manPage } from '../../../src/build/package/man-page.ts';
import { manPages } from '../../../src/build/package/man-pages.ts';
import { commands } from '../../../src/cli/commands.ts';
import { auditSwitches } from '../../../src/flags/audit-flags.ts';
import { eventTablesOn } from '../../../tables/index.ts';
import { processEvents } from '../../../tables/process_events.ts';
import { unless } from '../../unless.ts';

const facts = { version: '1.2.3', date: '2026-01-02' };

test('text is no roff', () => {
  const body = [{ verbatim: ".so /etc/passwd\n'quoted\n--flag C:\\n" }];
  const page = manPage({ name: 'x', section: 1, summary: 'a-b', ...facts, body });
  expect(page).toBe(
    '.TH X 1 2026-01-02 "x 1.2.3"\n.SH NAME\nx \\- a\\-b\n.PP\n.nf\n\\&.so /etc/passwd\n\\&\'quoted\n\\-\\-flag C:\\en\n.fi\n',
  );
});

describe('the pages', () => {
  const pages = manPages(facts);

  test('have every command and every column', () => {
    const program = pages.get('man1/osquery-audit-events.1')!;
    for (const { name, flags, isInternal } of commands) {
      if (isInternal === true || name === '') continue;
      expect(program).toContain(`.SH "${name.toUpperCase()}"`);
      for (const flag of flags) if (flag.hidden !== true) expect(program).toContain(`\\-\\-${flag.name}`);
    }
    const tables = pages.get('man5/osquery-audit-events-tables.5')!;
    for (const { name } of processEvents.spec.columns) expect(tables).toContain(`\n${name} `);
    for (const { flag } of eventTablesOn('linux')) expect(tables).toContain(auditSwitches[flag].name);
    expect(tables).toContain('file_paths');
  });

  test(
    'are without fault to mandoc',
    unless(existsSync('/usr/bin/mandoc') ? undefined : 'mandoc is not installed'),
    () => {
      for (const page of pages.values()) {
        execFileSync('/usr/bin/mandoc', ['-Tlint', '-Wwarning'], { input: page, encoding: 'utf8' });
      }
    },
  );
});
