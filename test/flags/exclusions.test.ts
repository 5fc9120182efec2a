import { describe, expect, it } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { NO_EXCLUSIONS } from '../../src/flags/exclusions.ts';

const read = (values: Readonly<Record<string, string>>) =>
  readAuditSettings(
    new Map(Object.entries(values).map(([name, value]) => [`custom_audit_exclude_${name}`, value])),
  );

describe('what is left out', () => {
  it('is nothing unless said', () => {
    expect(read({})).toMatchObject({ settings: { exclude: NO_EXCLUSIONS }, warnings: [] });
  });

  it('is what the lists say', () => {
    const { settings, warnings } = read({
      exe: '/usr/bin/node, /opt/a b/c',
      uid: '65534,0',
      auid: 'unset,1000',
    });
    expect(settings.exclude).toEqual({
      exes: ['/usr/bin/node', '/opt/a b/c'],
      uids: [65_534, 0],
      auids: [4_294_967_295, 1000],
    });
    expect(warnings).toEqual([]);
  });

  it('names an entry that is wrong, and holds by the rest', () => {
    const { settings, warnings } = read({
      exe: 'node,/bin/sh,/bin/',
      uid: '1,alice,4294967295',
      auid: '-1,7',
    });
    expect(settings.exclude).toEqual({ exes: ['/bin/sh'], uids: [1], auids: [7] });
    expect(warnings).toEqual([
      'option custom_audit_exclude_exe: expected absolute paths, got "node"; the other entries hold',
      'option custom_audit_exclude_exe: expected absolute paths, got "/bin/"; the other entries hold',
      'option custom_audit_exclude_uid: expected uids, got "alice"; the other entries hold',
      'option custom_audit_exclude_uid: expected uids, got "4294967295"; the other entries hold',
      'option custom_audit_exclude_auid: expected login uids, or unset, got "-1"; the other entries hold',
    ]);
  });

  it('has an end', () => {
    const uids = Array.from({ length: 2_000 }, (_, uid) => uid).join(',');
    const { settings, warnings } = read({ uid: uids });
    expect(settings.exclude.uids).toHaveLength(1_024);
    expect(warnings).toEqual([
      'option custom_audit_exclude_uid: expected at most 1024 entries, got 2000; the first are used',
    ]);
  });
});
