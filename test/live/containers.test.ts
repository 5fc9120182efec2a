import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTAINER_PEER } from '../record/container-peer.ts';
import { unless } from '../unless.ts';
import { BUSYBOX } from './busybox-image.ts';
import { type JsonRow, LiveShell } from './live-shell.ts';
import { IMAGE, makeImage, PROGRAMS, removeImage, run, runOn, whyNotContainers } from './podman.ts';

/** What is looked up is awaited on a busy machine, too. */
const PATIENT = '--custom_audit_telemetry_budget_ms=10000';

/** A bridge with addresses that documentation is full of. */
const SUBNET = '198.51.100';
const makeBridge = (name: string): string | undefined => {
  const { status, stderr } = spawnSync('podman', ['network', 'create', '--subnet', `${SUBNET}.0/24`, name], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stderr;
};

describe('containers on the live kernel', unless(whyNotContainers), () => {
  let shell: LiveShell;
  beforeAll(async () => {
    makeImage();
    shell = await LiveShell.start('--audit_allow_sockets', PATIENT);
  });
  afterAll(async () => {
    await shell?.[Symbol.asyncDispose]();
    removeImage();
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

  test('what has ended at once is hashed, also where its parent is outside or has ended', async () => {
    const name = `audit-events-${process.pid}-d`;
    const inside =
      'for i in $(busybox seq 200); do /bin/true lone; /bin/sh -c "/bin/true orphan &"; done; exec /bin/sleep 60';
    execFileSync('podman', run('-d', '--name', name, IMAGE, '/bin/sh', '-c', inside));
    try {
      for (let i = 0; i < 3; i++) execFileSync('podman', ['exec', name, '/bin/true', 'sent']);
      const started = async () =>
        (
          await shell.query(
            "SELECT 1 FROM process_telemetry_events WHERE process_command_line = '/bin/sleep 60'",
          )
        ).length > 0;
      await expect.poll(started, { timeout: 30_000, interval: 200 }).toBe(true);
    } finally {
      execFileSync('podman', ['rm', '-f', '-t', '0', name]);
    }
    const busybox = execFileSync('sha256sum', [BUSYBOX], { encoding: 'utf8' }).split(' ')[0];
    for (const [what, count] of [
      ['lone', '200'],
      ['orphan', '200'],
      ['sent', '3'],
    ]) {
      const rows = await shell.query(
        `SELECT count(*) AS count, sum(process_sha256 = '${busybox}') AS hashed FROM process_telemetry_events
          WHERE process_command_line = '/bin/true ${what}'`,
      );
      expect([what, rows]).toEqual([what, [{ count, hashed: count }]]);
    }
  }, 90_000);

  test('two containers on a bridge, and the host, with the same ports', async () => {
    const network = `audit-events-${process.pid}`;
    const whyNoBridge = makeBridge(network);
    if (whyNoBridge !== undefined) {
      console.warn(`no bridge can be made: ${whyNoBridge}`);
      return;
    }
    const shared = mkdtempSync(join(tmpdir(), 'containers-'));
    chmodSync(shared, 0o777);
    const [one, other] = [`${SUBNET}.11`, `${SUBNET}.12`];
    const peer = ['/usr/bin/perl', '-e', CONTAINER_PEER];
    const start = (letter: string, user: string, me: string, to: string) =>
      once(
        spawn(
          'podman',
          runOn(
            network,
            ...['--name', `${network}-${letter}`, '--ip', me, '--user', user],
            ...['-v', `${shared}:/shared`, ...PROGRAMS, IMAGE, ...peer, me, to, '/shared'],
          ),
          { stdio: ['ignore', 'ignore', 'inherit'] },
        ),
        'exit',
      );
    const host = spawn(peer[0]!, [...peer.slice(1), '127.0.0.1', '127.0.0.1', shared], { stdio: 'inherit' });
    try {
      const ended = [start('e', '0', one, other), start('f', '1000', other, one), once(host, 'exit')];
      expect((await Promise.all(ended)).map(([status]) => status)).toEqual([0, 0, 0]);
    } finally {
      rmSync(shared, { recursive: true });
      spawnSync('podman', ['network', 'rm', '-f', network]);
    }
    const ends = (where: string) =>
      shell.query(
        `SELECT action, family, protocol, local_address, local_port, remote_address, remote_port, container_runtime, container_image
          FROM socket_events WHERE ${where} ORDER BY eid`,
      );
    const expected = (me: string, to: string, container: JsonRow) => [
      { action: 'bind', local_port: '7070' },
      { action: 'bind', local_port: '7071' },
      { action: 'bind', local_port: '7072' },
      {
        ...{ action: 'connect', protocol: '6', local_address: me, local_port: '7072' },
        ...{ remote_address: to, remote_port: '7070' },
        ...container,
      },
      {
        ...{ action: 'accept', protocol: '6', local_address: me, local_port: '7070' },
        ...{ remote_address: to, remote_port: '7072' },
        ...container,
      },
      {
        ...{ action: 'connect', protocol: '17', local_address: me, remote_address: to, remote_port: '7071' },
        ...container,
      },
    ];
    const container = { family: '2', container_runtime: 'podman', container_image: IMAGE };
    const of = (letter: string) => `container_name = '${network}-${letter}' AND path = '/usr/bin/perl'`;
    expect(await ends(of('e'))).toMatchObject(expected(one, other, container));
    expect(await ends(of('f'))).toMatchObject(expected(other, one, container));
    const none = { family: '2', container_runtime: '', container_image: '' };
    expect(await ends(`pid = ${host.pid}`)).toMatchObject(expected('127.0.0.1', '127.0.0.1', none));
    const execs = await shell.query(
      `SELECT user_name, user_uid, process_command_line, process_sha256 <> '' AS is_hashed FROM process_telemetry_events
        WHERE container_name IN ('${network}-e', '${network}-f') AND process_command_line LIKE '/bin/true%' ORDER BY process_command_line`,
    );
    const ran = [1, 2, 3].flatMap(number => [
      { user_name: 'root', user_uid: '0', process_command_line: `/bin/true ${number} of ${one}` },
      { user_name: 'inner', user_uid: '1000', process_command_line: `/bin/true ${number} of ${other}` },
    ]);
    expect(execs).toEqual(ran.map(row => ({ ...row, is_hashed: '1' })));
  }, 90_000);
});
