import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { auditFlags, eventFlags } from '../../src/flags/audit-flags.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { coreFlags } from '../../src/flags/core-flags.ts';
import { flagTable } from '../../src/flags/flag-definition.ts';
import { flagfileLines } from '../../src/flags/flagfile.ts';
import { parseFlags } from '../../src/flags/parse-flags.ts';
import { readFlagfile } from '../../src/flags/read-flagfile.ts';
import { stockFlags } from '../../src/flags/stock-flags.ts';

const path = fileURLToPath(new URL('../../osquery.flags', import.meta.url));
/** What osqueryd itself knows: no custom_ options, which it takes from its configuration only. */
const osqueryFlags = flagTable(auditFlags, eventFlags, coreFlags, stockFlags);
const parsed = parseFlags([`--flagfile=${path}`], { flags: osqueryFlags, readFlagfile });

describe('the osquery.flags that we ship', () => {
  test('hands the names and the audit socket to the extension, and keeps events on', () => {
    expect(Object.fromEntries(parsed.values)).toMatchObject({
      disable_tables:
        'process_events,socket_events,user_events,selinux_events,apparmor_events,seccomp_events,process_file_events',
      disable_audit: 'true',
      disable_events: 'false',
      disable_extensions: 'false',
      audit_allow_config: 'true',
      events_optimize: 'true',
    });
  });

  test('says each thing once, each with its value, in a form that gflags reads from a file', () => {
    const lines = flagfileLines(readFileSync(path, 'utf8')).map(line => line.text);
    for (const line of lines) expect(line).toMatch(/^--[a-z_]+=[^\s"']+$/);
    const names = lines.map(line => line.slice(2, line.indexOf('=')));
    expect(new Set(names).size).toBe(names.length);
    expect(parsed.values.size).toBe(names.length);
  });

  test('sets every flag of the tables that osquery shows in its help', () => {
    for (const flag of [...auditFlags, ...eventFlags]) {
      if ('hidden' in flag && flag.hidden === true) continue;
      expect(parsed.values.has(flag.name), flag.name).toBe(true);
    }
  });

  test('gives settings without a warning', () => {
    const { settings, warnings } = readAuditSettings(parsed.values);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      allowConfig: true,
      allowSockets: true,
      eventsMax: 50000,
      eventsExpiry: 86000,
    });
  });
});
