import { AUDIT_FILTERKEY } from '../../src/audit/constants.ts';
import { encodeRule, RULE_KEY, rulesFor } from '../../src/audit/control/rules.ts';
import type { AuditStatus } from '../../src/audit/control/status.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import type { CheckResult } from '../../src/doctor/check-result.ts';
import type { AuditFacts, Facts, RunningCore } from '../../src/doctor/facts.ts';
import { PROGRAM, PROGRAM_COMM } from '../../src/runtime/program-name.ts';

export const OSQUERYD = 700;
export const EXTENSION = 710;
export const EXT_PATH = '/usr/lib/osquery/osquery-audit-events.ext';

/** The flags of an osquery that is set up right. */
export const rightFlags: ReadonlyMap<string, string> = new Map([
  ['disable_extensions', 'false'],
  ['extensions_require', 'osquery-audit-events'],
  ['disable_events', 'false'],
  ['disable_audit', 'true'],
  ['disable_tables', 'process_events,socket_events,user_events'],
  ['enable_tables', ''],
  ['audit_allow_config', 'true'],
  ['audit_persist', 'true'],
  ['audit_allow_process_events', 'true'],
  ['audit_allow_sockets', 'true'],
  ['audit_allow_user_events', 'true'],
  ['events_optimize', 'true'],
  ['events_expiry', '86000'],
  ['events_max', '50000'],
  ['enable_numeric_monitoring', 'false'],
]);

export const ownRules = (flags: { sockets: boolean } = { sockets: true }): readonly Uint8Array[] =>
  rulesFor(
    {
      processEvents: true,
      forkProcessEvents: false,
      killProcessEvents: false,
      sockets: flags.sockets,
      acceptSocketEvents: true,
      failedSocketEvents: false,
      nullAcceptSocketEvents: false,
      datagrams: false,
    },
    nativeArchitectures(process.arch),
    EXTENSION,
  ).map(encodeRule);

export const runningCore: RunningCore = {
  kind: 'running',
  path: '/var/osquery/osquery.em',
  version: '5.23.0',
  pid: OSQUERYD,
  configValid: true,
  options: rightFlags,
  extensions: new Map([[PROGRAM, '0.1.0']]),
  tables: ['process_events', 'socket_events', 'user_events'].flatMap(name => [
    { name, native: true },
    { name: `audit_${name}`, native: false },
  ]),
  schedule: [{ name: 'execs', sql: 'SELECT * FROM process_events;', interval: 60, denylisted: false }],
};

export const ownedStatus: AuditStatus = {
  enabled: 1,
  failure: 0,
  pid: EXTENSION,
  rateLimit: 0,
  backlogLimit: 65_536,
  lost: 0,
  backlog: 0,
  featureBitmap: 127,
  backlogWaitTime: 0,
};

export const idleStatus: AuditStatus = { ...ownedStatus, enabled: 0, failure: 1, pid: 0, backlogLimit: 64 };

export const auditFacts = (
  status: Partial<AuditStatus>,
  rules: readonly Uint8Array[] = ownRules(),
): AuditFacts => ({ kind: 'read', status: { ...ownedStatus, ...status }, rules });

/** A host on which everything is as it should be, with osqueryd and the extension running. */
export const healthy: Facts = {
  host: {
    platform: 'linux',
    isRoot: true,
    canControlAudit: true,
    kernelHasAudit: true,
    inInitialNamespaces: true,
    hasAuditPipe: false,
  },
  flags: { kind: 'file', path: '/etc/osquery/osquery.flags', values: rightFlags, problems: [] },
  core: runningCore,
  processes: {
    names: new Map([
      [1, 'systemd'],
      [29, 'kauditd'],
      [OSQUERYD, 'osqueryd'],
      [EXTENSION, PROGRAM_COMM],
    ]),
    ofUsers: new Set<number>(),
    complete: true,
  },
  boot: { starters: [], masked: false },
  system: { ids: ['debian'], isOstree: false, isTransactional: false, auditsFromBoot: false },
  unaudited: { kind: 'known', processes: 0, users: [] },
  security: { modules: ['selinux', 'apparmor'], loggedActions: ['kill_process', 'log'] },
  audit: { kind: 'read', status: ownedStatus, rules: ownRules() },
  config: {
    kind: 'read',
    path: '/etc/osquery/osquery.conf',
    options: new Map(),
    queries: [{ name: 'execs', sql: 'SELECT * FROM process_events;', interval: 60, denylisted: false }],
    filePaths: 0,
    problems: [],
  },
  extension: {
    load: { kind: 'read', path: '/etc/osquery/extensions.load', names: [EXT_PATH] },
    given: undefined,
    files: [{ kind: 'found', path: EXT_PATH, isFile: true, uid: 0, mode: 0o755, directoryMode: 0o755 }],
  },
  auditControl: undefined,
  selfTest: {
    kind: 'seen',
    way: 'osquery',
    source: 'process_events of the running osquery',
    program: '/bin/true x',
    pid: 999,
    milliseconds: 41.4,
    notRestored: [],
  },
};

/** The same host with nothing of osquery on it. */
export const bare: Facts = {
  ...healthy,
  flags: { kind: 'missing', path: '/etc/osquery/osquery.flags' },
  core: { kind: 'absent', path: '/var/osquery/osquery.em' },
  processes: { names: new Map([[1, 'systemd']]), ofUsers: new Set<number>(), complete: true },
  audit: { kind: 'read', status: idleStatus, rules: [] },
  config: { kind: 'missing', path: '/etc/osquery/osquery.conf' },
  extension: {
    load: { kind: 'missing', path: '/etc/osquery/extensions.load' },
    given: undefined,
    files: [],
  },
};

/** Flags of the running core, some of them changed. */
export const coreWith = (options: Readonly<Record<string, string>>): RunningCore => ({
  ...runningCore,
  options: new Map([...rightFlags, ...Object.entries(options)]),
});

/** Everything but what is in order. */
export const troubles = (results: readonly CheckResult[]): readonly CheckResult[] =>
  results.filter(({ status }) => status !== 'ok');

export interface RuleText {
  /** AUDIT_FILTER_…, with AUDIT_FILTER_PREPEND where the kernel has it. */
  readonly list: number;
  readonly action: 0 | 1 | 2;
  readonly fields?: readonly (readonly [field: number, op: number, value: number])[];
  readonly syscalls?: readonly number[];
  readonly key?: string;
}

/** struct audit_rule_data, word by word. */
export const listedRule = ({ list, action, fields = [], syscalls = [], key }: RuleText): Uint8Array => {
  const all =
    key === undefined ? fields : [...fields, [AUDIT_FILTERKEY, 0x40000000, Buffer.byteLength(key)] as const];
  const bytes = Buffer.alloc(260 * 4 + Buffer.byteLength(key ?? ''));
  const put = (word: number, value: number): number => bytes.writeUInt32LE(value >>> 0, word * 4);
  put(0, list);
  put(1, action);
  put(2, all.length);
  for (const number of syscalls) {
    const at = (3 + (number >>> 5)) * 4;
    bytes.writeUInt32LE((bytes.readUInt32LE(at) | (1 << (number & 31))) >>> 0, at);
  }
  for (const [i, [field, op, value]] of all.entries()) {
    put(67 + i, field);
    put(131 + i, value);
    put(195 + i, op);
  }
  put(259, Buffer.byteLength(key ?? ''));
  bytes.write(key ?? '', 260 * 4);
  return bytes;
};

export { RULE_KEY };
