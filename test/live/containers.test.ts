import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

const IMAGE = 'localhost/osquery-audit-events-test:1';
const BUSYBOX = '/bin/busybox';
const PASSWD = 'root:x:0:0:root:/:/bin/sh\ninner:x:1000:1000::/:/bin/sh\n';

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const whyNot =
  whyNotLive ??
  (isThere('podman') && isThere('runc') && existsSync(BUSYBOX)
    ? undefined
    : 'it needs podman, runc and a busybox that is linked statically');

/** What runs in a container, with nothing of systemd. */
const run = (...args: readonly string[]): readonly string[] => [
  ...['run', '--rm', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--network', 'none'],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000', ...args],
];

/** An image of busybox alone, with accounts of its own. */
const makeImage = (): void => {
  const root = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    mkdirSync(join(root, 'bin'));
    mkdirSync(join(root, 'etc'));
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of ['sh', 'true', 'sleep', 'nc']) symlinkSync('busybox', join(root, 'bin', name));
    writeFileSync(join(root, 'etc/passwd'), PASSWD);
    const tar = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 1 << 26 });
    execFileSync('podman', ['import', '-', IMAGE], { input: tar, stdio: ['pipe', 'ignore', 'pipe'] });
  } finally {
    rmSync(root, { recursive: true });
  }
};

describe('containers on the live kernel', unless(whyNot), () => {
  let shell: LiveShell;
  beforeAll(async () => {
    makeImage();
    shell = await LiveShell.start('--audit_allow_sockets');
  });
  afterAll(async () => {
    await shell?.[Symbol.asyncDispose]();
    spawnSync('podman', ['rmi', '-f', IMAGE]);
  });

  test('who ran what, by the accounts of the container, and which container it is', async () => {
    const name = `audit-events-${process.pid}-a`;
    const command = '/bin/true one; /bin/sleep 1; /bin/true two; exec /bin/true three';
    execFileSync(
      'podman',
      run('--name', name, '--hostname', 'inside', '--user', '1000', IMAGE, '/bin/sh', '-c', command),
    );
    const rows = await shell.query(
      `SELECT process_command_line, user_uid, user_name, user_domain, user_namespace_uid, container_runtime, container_image,
        container_image_digest <> '' AS has_digest FROM process_telemetry_events WHERE container_name = '${name}'
        AND process_command_line LIKE '/bin/%' ORDER BY eid`,
    );
    const lines = [
      `/bin/sh -c ${command}`,
      '/bin/true one',
      '/bin/sleep 1',
      '/bin/true two',
      '/bin/true three',
    ];
    expect(rows).toEqual(
      lines.map(line => ({
        process_command_line: line,
        user_uid: '1000',
        user_name: 'inner',
        user_domain: 'inside',
        user_namespace_uid: '1000',
        container_runtime: 'podman',
        container_image: IMAGE,
        has_digest: '1',
      })),
    );
    const late = await shell.query(
      `SELECT cmdline, username, namespace_uid FROM process_events WHERE container_name = '${name}' AND cmdline LIKE '/bin/true%'`,
    );
    expect(late.map(({ username, namespace_uid }) => [username, namespace_uid])).toEqual([
      ...[
        ['inner', '1000'],
        ['inner', '1000'],
      ],
      ['inner', '1000'],
    ]);
  });

  test('no name of the host stands for a uid of a container that ended at once', async () => {
    execFileSync('podman', run('--user', '1', IMAGE, '/bin/true', 'gone'));
    const rows = await shell.query(
      "SELECT user_uid, user_name FROM process_telemetry_events WHERE process_command_line = '/bin/true gone'",
    );
    expect(rows).toHaveLength(1);
    // The host's uid 1 is daemon.
    expect(rows[0]!.user_name).toBe('');
  });

  test('accepts that do not ask for the address, at the same port of two containers', async () => {
    const names = ['b', 'c'].map(letter => `audit-events-${process.pid}-${letter}`);
    const command = '(nc -l -p 7070 >/dev/null) & sleep 1; sleep 2 | nc 127.0.0.1 7070';
    await Promise.all(
      names.map(name =>
        once(
          spawn('podman', run('--name', name, IMAGE, '/bin/sh', '-c', command), { stdio: 'ignore' }),
          'exit',
        ),
      ),
    );
    for (const name of names) {
      const rows = await shell.query(
        `SELECT action, family, protocol, local_port, remote_address, remote_port FROM socket_events
          WHERE pid IN (SELECT pid FROM process_events WHERE container_name = '${name}') AND action <> 'bind' ORDER BY eid`,
      );
      expect(rows).toHaveLength(2);
      // busybox moves its sockets to other descriptors at once, as soon as they are connected: what is not seen then is not told.
      expect(rows.find(({ action }) => action === 'connect')).toMatchObject({
        family: '2',
        remote_address: '127.0.0.1',
        remote_port: '7070',
      });
      expect(rows.find(({ action }) => action === 'accept')).toMatchObject({
        protocol: '6',
        local_port: '7070',
      });
    }
  });
});
