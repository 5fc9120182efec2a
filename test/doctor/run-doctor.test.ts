import { expect, test } from 'vitest';
import { readBoot } from '../../src/doctor/readers/read-boot.ts';
import { readConfig } from '../../src/doctor/readers/read-config.ts';
import { readCore } from '../../src/doctor/readers/read-core.ts';
import { readExtensionFiles } from '../../src/doctor/readers/read-extension-files.ts';
import { readFlags } from '../../src/doctor/readers/read-flags.ts';
import { readProcesses } from '../../src/doctor/readers/read-processes.ts';
import { readSystem } from '../../src/doctor/readers/read-system.ts';
import { type Readers, runDoctor } from '../../src/doctor/run-doctor.ts';
import { runSelfTest } from '../../src/doctor/self-test/run-self-test.ts';
import { socketPath, startFakeCore } from '../osquery-extension-ts/support.ts';
import {
  auditFacts,
  bare,
  EXT_PATH,
  healthy,
  idleStatus,
  rightFlags,
  runningCore,
  troubles,
} from './facts.ts';
import { type FakeFile, fakeRoot, processFiles } from './fake-root.ts';

const never = new AbortController().signal;

/** The real readers on a fake root; audit is the only thing that is made up. */
const readersOf = (root: string, changes: Partial<Readers> = {}): Readers => ({
  host: () => healthy.host,
  flags: () => readFlags(root),
  core: readCore,
  processes: () => readProcesses(root, -1),
  boot: () => readBoot(root),
  system: () => readSystem(root),
  unaudited: async () => healthy.unaudited,
  security: () => healthy.security,
  audit: async () => healthy.audit,
  config: path => readConfig({ root, path, platform: 'linux' }),
  extension: loadPath => readExtensionFiles({ root, loadPath, given: undefined }),
  auditControl: () => undefined,
  selfTest: plan => runSelfTest(plan, { patienceMs: 2_000, signal: never }, async () => healthy.audit),
  ...changes,
});

const goodHost: Readonly<Record<string, FakeFile>> = {
  ...processFiles(1, 'systemd'),
  ...processFiles(700, 'osqueryd'),
  ...processFiles(710, 'osquery-audit-e'),
  '/etc/osquery/osquery.flags': [...rightFlags].map(([name, value]) => `--${name}=${value}\n`).join(''),
  '/etc/osquery/osquery.conf':
    '{"schedule": {"q": {"query": "SELECT * FROM process_events", "interval": 60}}}',
  '/etc/osquery/extensions.load': `${EXT_PATH}\n`,
  '/usr/lib/osquery': { directory: true, mode: 0o755 },
  [EXT_PATH]: { mode: 0o755 },
};

/** A core in which everything is as it should be; it has a row for every program. */
const startGoodCore = async () => {
  const core = await startFakeCore({
    query(sql) {
      if (sql.includes('osquery_info')) return [{ pid: '700', version: '5.23.0', config_valid: '1' }];
      if (sql.includes('osquery_registry')) {
        return runningCore.tables!.map(({ name, native }) => ({ name, owner_uuid: native ? '0' : '5' }));
      }
      if (sql.includes('osquery_schedule')) {
        return [{ name: 'q', query: 'SELECT * FROM process_events', interval: '60', denylisted: '0' }];
      }
      return [{ pid: '1' }];
    },
  });
  for (const [name, value] of rightFlags) core.options.set(name, { value, defaultValue: '', type: 'string' });
  core.registered.set(5, {
    info: { name: 'osquery-audit-events', version: '0.1.0', sdkVersion: '0.0.0', minSdkVersion: '0.0.0' },
    routes: new Map(),
  });
  return core;
};

const isRoot = process.getuid?.() === 0;

test('a host that is set up right has no problem', async () => {
  const core = await startGoodCore();
  const results = await runDoctor({ socketPath: core.socketPath, readers: readersOf(fakeRoot(goodHost)) });
  const found = troubles(results);
  // Without root the fake extension file cannot belong to root.
  expect(found.filter(({ check }) => isRoot || check !== 'extension file')).toEqual([]);
  expect(results.map(({ check }) => check)).toEqual(
    expect.arrayContaining([
      'kernel',
      'osquery',
      '--disable_tables',
      'auditd',
      'audit status',
      'our rules',
      'schedule',
      'self-test',
    ]),
  );
});

test('a host where everything is wrong is told everything at once', async () => {
  const core = await startFakeCore({ query: () => [] });
  for (const [name, value] of Object.entries({
    disable_events: 'true',
    disable_audit: 'false',
    disable_tables: '',
    audit_allow_config: 'false',
  })) {
    core.options.set(name, { value, defaultValue: '', type: 'string' });
  }
  const root = fakeRoot({
    ...processFiles(1, 'systemd'),
    ...processFiles(88, 'auditd'),
    '/etc/systemd/system/multi-user.target.wants/auditd.service': {
      link: '/usr/lib/systemd/system/auditd.service',
    },
    '/etc/osquery/osquery.flags': '--disable_adit=true\n',
    '/etc/osquery/osquery.conf': '{"schedule": {}}',
    '/etc/osquery/extensions.load': '/tmp/osquery-audit-events.ext\n',
    '/tmp': { directory: true, mode: 0o1777 },
    '/tmp/osquery-audit-events.ext': { mode: 0o602 },
  });
  const audit = auditFacts({ pid: 88, failure: 2, rateLimit: 10 }, []);
  const results = await runDoctor({
    socketPath: core.socketPath,
    readers: readersOf(root, { audit: async () => audit }),
  });
  const problems = new Set(results.filter(({ status }) => status === 'problem').map(({ check }) => check));
  expect([...problems]).toEqual([
    'extension',
    'flagfile',
    '--extensions_require',
    '--disable_events',
    '--disable_audit',
    '--audit_allow_config',
    'extension file',
    'auditd',
    'auditd at boot',
    'audit owner',
    'audit failure',
    'audit rate_limit',
    'schedule',
  ]);
  expect(results.at(-1)).toMatchObject({
    check: 'self-test',
    status: 'unknown',
    found: expect.stringContaining('auditd (pid 88)'),
  });
});

test('the socket, the configuration and the list of extensions are those that the flags name', async () => {
  const path = socketPath();
  const asked: unknown[] = [];
  const root = fakeRoot({
    '/etc/osquery/osquery.flags': `--extensions_socket=${path}\n--config_path=/c.conf\n--extensions_autoload=/l.load\n`,
  });
  await runDoctor({
    socketPath: undefined,
    readers: readersOf(root, {
      core: async socket => {
        asked.push(socket);
        return bare.core;
      },
      config: name => {
        asked.push(name);
        return bare.config;
      },
      extension: name => {
        asked.push(name);
        return bare.extension;
      },
      audit: async () => auditFacts(idleStatus, []),
      selfTest: async () => ({ kind: 'skipped', why: 'not here', fix: 'elsewhere' }),
    }),
  });
  expect(asked).toEqual([{ socketPath: path, expected: true }, '/c.conf', '/l.load']);
});

test('without flags osquery is looked for where it usually is', async () => {
  const asked: unknown[] = [];
  await runDoctor({
    socketPath: undefined,
    readers: readersOf(fakeRoot({}), {
      core: async socket => {
        asked.push(socket);
        return bare.core;
      },
      audit: async () => auditFacts(idleStatus, []),
      selfTest: async () => ({ kind: 'skipped', why: 'not here', fix: 'elsewhere' }),
    }),
  });
  expect(asked).toEqual([{ socketPath: '/var/osquery/osquery.em', expected: false }]);
});
