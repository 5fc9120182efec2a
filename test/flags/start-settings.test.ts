import { expect, test } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { needsNewStart } from '../../src/flags/start-settings.ts';

const settingsOf = (values: Readonly<Record<string, string>>) =>
  readAuditSettings(new Map(Object.entries(values))).settings;

test.each([
  ['events_max', '7', false],
  ['events_expiry', '7', false],
  ['audit_allow_sockets', 'true', false],
  ['audit_persist', 'false', false],
  ['custom_audit_buffer_bytes', '2097152', false],
  ['custom_audit_grace_ms', '7', false],
  ['custom_audit_state_dir', '/elsewhere', true],
  ['custom_audit_telemetry', 'false', true],
  ['custom_audit_mode', 'multicast', true],
  ['custom_audit_bridge_ms', '7', true],
  ['audit_allow_config', 'true', true],
  ['audit_backlog_limit', '7', true],
  ['audit_allow_fork_process_events', 'true', true],
])('%s=%s takes a new start: %s', (name, value, takes) => {
  expect(needsNewStart(settingsOf({}), settingsOf({ [name]: value }))).toBe(takes);
  expect(needsNewStart(settingsOf({ [name]: value }), settingsOf({ [name]: value }))).toBe(false);
});
