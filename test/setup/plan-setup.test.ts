import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/doctor/readers/read-config.ts';
import { readHostFacts } from '../../src/runtime/host-facts.ts';
import { planSetup } from '../../src/setup/plan-setup.ts';
import { printPlan } from '../../src/setup/print-plan.ts';
import { replaceFiles } from '../../src/setup/replace-files.ts';
import { shippedFiles } from '../../src/setup/shipped-files.ts';
import { unless, whyNotRoot } from '../unless.ts';

const isRoot = process.geteuid?.() === 0;
const EXECUTABLE = '/usr/lib/osquery/extensions/osquery-audit-events.ext';
let etc: string;

beforeEach(() => {
  etc = mkdtempSync(join(tmpdir(), 'etc-'));
});
afterEach(() => rmSync(etc, { recursive: true, force: true }));

const options = { executable: EXECUTABLE, shipped: shippedFiles(), undo: false, autoloadOnly: false };
const plan = (changed: Partial<typeof options> = {}) =>
  planSetup({ host: readHostFacts(), etc, ...options, ...changed });
const put = (name: string, content: string) => writeFileSync(join(etc, name), content, 'latin1');
const read = (name: string) => readFileSync(join(etc, name), 'latin1');
/** Everything in the directory, by path. */
const everything = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(etc, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
      .map(path => [path.slice(etc.length + 1), readFileSync(path, 'latin1')]),
  );
const apply = async (changed: Partial<typeof options> = {}) => {
  const { changes, remarks } = await plan(changed);
  await replaceFiles(changes);
  return remarks;
};
const DROP_IN = 'osquery.conf.d/osquery-audit-events.conf';

describe('setup', () => {
  test('where nothing is, and undone', async () => {
    await apply();
    expect(Object.keys(everything())).toEqual(
      ['extensions.load', DROP_IN, 'osquery.conf', 'osquery.flags'].sort(),
    );
    expect(read('extensions.load')).toBe(`${EXECUTABLE}\n`);
    expect(read('osquery.flags')).toContain(
      '\n--disable_tables=process_events,socket_events,user_events,selinux_events,apparmor_events,seccomp_events,process_file_events\n',
    );
    const config = readConfig({ root: '/', path: join(etc, 'osquery.conf'), platform: 'linux' });
    expect(config).toMatchObject({ kind: 'read', problems: [] });
    expect(config.kind === 'read' && config.queries.length).toBeGreaterThan(10);
    // There is nothing left to do.
    expect((await plan()).changes).toEqual([]);
    await apply({ undo: true });
    expect(everything()).toEqual({ 'extensions.load': '', 'osquery.flags': '' });
  });

  test('beside what others have, which comes back byte by byte', async () => {
    put(
      'osquery.flags',
      '# caf\xe9\r\n--disable_tables=shell_history\r\n--disable_audit=false\r\n--events_max=99999\r\n',
    );
    put('extensions.load', '/opt/other.ext\r\n');
    put(
      'osquery.conf',
      '{"schedule": {"mine": {"query": "SELECT * FROM audit_user_events", "interval": 9}}}',
    );
    const before = everything();
    const remarks = await apply();
    expect(remarks).toEqual([
      `${join(etc, DROP_IN)}: needs no pack for user_events: a scheduled query reads it already`,
      expect.stringContaining('osquery.flags: line 2 sets --disable_tables=shell_history, with which'),
      expect.stringContaining('osquery.flags: line 3 sets --disable_audit=false, with which'),
    ]);
    const flags = read('osquery.flags');
    expect(flags.startsWith(before['osquery.flags']!)).toBe(true);
    expect(flags).toContain(
      '--disable_tables=shell_history,process_events,socket_events,user_events,selinux_events,apparmor_events,seccomp_events\r\n',
    );
    expect(flags).not.toContain('--events_max=50000');
    expect(Object.keys(JSON.parse(read(DROP_IN).replace(/^#.*\n/, '')).packs)).toEqual([
      'process_events',
      'socket_events',
    ]);
    expect((await plan()).changes).toEqual([]);
    await apply({ undo: true });
    expect(everything()).toEqual(before);
  });

  test('leaves what somebody changed in it, and says so', async () => {
    await apply();
    put(
      'osquery.flags',
      read('osquery.flags').replace('--audit_allow_sockets=true', '--audit_allow_sockets=false'),
    );
    put(DROP_IN, read(DROP_IN).replace('"interval": 60', '"interval": 61'));
    const remarks = await apply({ undo: true });
    expect(read('osquery.flags')).toBe('--audit_allow_sockets=false\n');
    expect(existsSync(join(etc, DROP_IN))).toBe(true);
    expect(remarks).toEqual([
      `${join(etc, DROP_IN)}: was changed since setup wrote it, or was not written by setup: it stays as it is`,
      expect.stringMatching(
        /osquery\.flags: line \d+ was changed since setup wrote it, and stays: --audit_allow_sockets=false/,
      ),
    ]);
  });

  test('uses the paths that the flags name, and no schedule that comes from a server', async () => {
    put('osquery.flags', `--extensions_autoload=${etc}/my.load\n--config_plugin=tls\n`);
    const remarks = await apply();
    expect(read('my.load')).toBe(`${EXECUTABLE}\n`);
    expect(existsSync(join(etc, 'osquery.conf'))).toBe(false);
    expect(remarks.join()).toContain('the schedule comes from --config_plugin=tls');
  });

  test('is shown as a diff that a terminal can be trusted with', async () => {
    put('osquery.flags', '--host_identifier=\x1b[2J\r\n');
    const text = printPlan(await plan());
    expect(text).toContain(`+++ ${join(etc, 'extensions.load')}\n@@ -0,0 +1,1 @@\n+${EXECUTABLE}\n`);
    expect(text).toContain(' --host_identifier=\ufffd[2J\n');
    expect(text).not.toMatch(/\x1b|\r/);
  });

  test('names malformed lines', async () => {
    put('osquery.flags', '--events_max=many\nnonsense\n');
    put('osquery.conf', '{\n# a comment\n"schedule": ]\n}\n');
    const { remarks } = await plan();
    expect(remarks).toEqual(
      expect.arrayContaining([
        expect.stringContaining('osquery.flags: line 1: --events_max: expected a whole number'),
        expect.stringContaining('osquery.flags: line 2 is not a flag: "nonsense"'),
        expect.stringMatching(/osquery\.conf, line 3, is not JSON: /),
      ]),
    );
  });

  test('of the list of extensions alone does not care for the rest', async () => {
    symlinkSync('/dev/zero', join(etc, 'osquery.flags'));
    put('osquery.conf', 'nonsense');
    await apply({ autoloadOnly: true });
    expect(read('extensions.load')).toBe(`${EXECUTABLE}\n`);
    await apply({ autoloadOnly: true, undo: true });
    expect(read('extensions.load')).toBe('');
  });
});

describe('setup refuses, and nothing is written', () => {
  const refused = async (message: RegExp | string) => {
    const before = everything();
    await expect(apply()).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(message) });
    expect(everything()).toEqual(before);
  };

  test('a symbolic link in the place of a file', async () => {
    put('real', '');
    symlinkSync(join(etc, 'real'), join(etc, 'extensions.load'));
    await refused(/extensions\.load: expected a file, got a symbolic link.*nothing was changed$/);
    expect(lstatSync(join(etc, 'extensions.load')).isSymbolicLink()).toBe(true);
  });

  test('a directory in the place of a file', async () => {
    mkdirSync(join(etc, 'osquery.conf'));
    await refused(/osquery\.conf: expected a regular file/);
  });

  test('a file that others can write to', async () => {
    put('osquery.flags', '');
    chmodSync(join(etc, 'osquery.flags'), 0o666);
    await refused(/osquery\.flags: others can write to it \(mode 0666\)/);
  });

  test('a file of another user', unless(whyNotRoot), async () => {
    put('osquery.flags', '');
    chownSync(join(etc, 'osquery.flags'), 65534, 65534);
    await refused(/osquery\.flags: expected root as its owner, got user 65534/);
  });

  test('what is no text, with the line', async () => {
    put('osquery.flags', '--a=1\n--b=\0\n');
    await refused(/osquery\.flags, line 2: expected text, got a NUL byte/);
  });

  test('without the right to write', unless(isRoot ? 'it is for ordinary users' : undefined), async () => {
    chmodSync(etc, 0o555);
    await refused(/permission denied: run setup as root/);
    chmodSync(etc, 0o755);
  });

  test('a file that somebody changes meanwhile', async () => {
    put('extensions.load', '/a.ext\n');
    const { changes } = await plan();
    put('extensions.load', '/b.ext\n');
    const before = everything();
    await expect(replaceFiles(changes)).rejects.toThrow('it changed while setup was running');
    expect(everything()).toEqual(before);
  });

  test('a full disk, and a read-only one', unless(whyNotRoot), async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', etc]);
    try {
      // The directory and the first files fit, the packs do not.
      put('osquery.flags', '--a=1\n');
      await refused(/the file system is full/);
      execFileSync('mount', ['-o', 'remount,ro', etc]);
      await refused(/its file system is read-only/);
    } finally {
      execFileSync('umount', [etc]);
    }
  });

  test('and what had taken its place already goes back', async () => {
    put('extensions.load', '/a.ext\n');
    put('osquery.flags', '--a=1\n');
    const { changes } = await plan();
    // The last one cannot take its place: something with content is in it by then.
    const last = changes.at(-1)!;
    const broken = { ...last, file: { ...last.file, path: join(etc, 'gone', 'x') }, content: undefined };
    const before = everything();
    await expect(replaceFiles([...changes.slice(0, -1), broken])).rejects.toThrow();
    expect(everything()).toEqual(before);
  });
});
