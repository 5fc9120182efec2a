import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { auditFlags, eventFlags } from '../../src/flags/audit-flags.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { customOptions, limitOptions } from '../../src/flags/custom-options.ts';

const read = (values: Readonly<Record<string, string>>) => readAuditSettings(new Map(Object.entries(values)));

test('without values: the defaults that osquery documents', () => {
  const { settings, warnings } = read({});
  expect(warnings).toEqual([]);
  expect(settings).toMatchObject({
    allowConfig: false,
    persist: true,
    allowProcessEvents: true,
    allowUserEvents: true,
    allowForkProcessEvents: false,
    allowKillProcessEvents: false,
    allowSockets: false,
    allowAcceptSocketEvents: true,
    allowFailedSocketEvents: false,
    allowNullAcceptSocketEvents: false,
    allowUnix: false,
    forceReconfigure: false,
    forceUnconfigure: false,
    backlogLimit: 4096,
    backlogWaitTime: 0,
    debug: false,
    eventsOptimize: true,
    eventsExpiry: 86000,
    eventsMax: 1000,
    mode: 'auto',
  });
});

/** Texts that are not of any kind. */
const OTHER: Readonly<Record<string, string>> = {
  custom_audit_bpf: 'off',
  custom_audit_exclude_exe: '/bin/sh',
  custom_audit_exclude_uid: '1',
  custom_audit_exclude_auid: '1',
};

test('every flag and option reaches the settings', () => {
  const plain = JSON.stringify(read({}).settings);
  for (const flag of [...auditFlags, ...eventFlags, ...customOptions]) {
    // What these say, core does with its own publishers.
    if (flag.name === 'disable_audit' || flag.name === 'disable_events') continue;
    const other =
      flag.type === 'bool'
        ? String(flag.defaultValue !== 'true')
        : flag.type === 'string'
          ? (OTHER[flag.name] ?? 'multicast')
          : String(BigInt(flag.defaultValue) + 1n);
    const { settings, warnings } = read({ [flag.name]: other });
    expect(warnings).toEqual([]);
    expect(JSON.stringify(settings), flag.name).not.toBe(plain);
  }
});

test('a malformed value leaves the default and is named; other flags are ignored', () => {
  const { settings, warnings } = read({
    events_max: 'many',
    audit_debug: '',
    tls_hostname: '\u0000',
    schedule_epoch: 'x',
  });
  expect(settings.eventsMax).toBe(1000);
  expect(settings.debug).toBe(false);
  expect(warnings).toEqual([
    'option audit_debug: expected true or false, got ""; "false" is used',
    'option events_max: expected a whole number from 0 to 18446744073709551615, got "many"; "1000" is used',
  ]);
});

test('a misspelt option of our own is named', () => {
  const { warnings } = read({
    custom_audit_bufer_bytes: '1',
    custom_other: '1',
    custom_audit_buffer_bytes: '2000000',
  });
  expect(warnings).toEqual([
    'option "custom_audit_bufer_bytes" is unknown and ignored (did you mean custom_audit_buffer_bytes?)',
  ]);
});

test('numbers beyond what a number can hold are the largest it can', () => {
  expect(read({ events_expiry: '18446744073709551615' }).settings.eventsExpiry).toBe(Number.MAX_SAFE_INTEGER);
});

describe('properties', () => {
  const names = [...auditFlags, ...eventFlags, ...customOptions].map(flag => flag.name);
  test('any text gives complete settings within the limits', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(fc.constantFrom(...names), fc.string()),
          fc.oneof(fc.string(), fc.integer().map(String)),
        ),
        values => {
          const { settings } = readAuditSettings(new Map(Object.entries(values)));
          expect(Object.values(settings).every(value => value !== undefined)).toBe(true);
          for (const [key, option] of Object.entries(limitOptions)) {
            const value = BigInt(settings.limits[key as keyof typeof limitOptions]);
            expect(value >= option.minimum! && value <= option.maximum!).toBe(true);
          }
          expect(Number.isSafeInteger(settings.eventsMax) && settings.eventsMax >= 0).toBe(true);
        },
      ),
    );
  });
});
