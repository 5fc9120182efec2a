import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { imageTar, whyNoBusybox } from './busybox-image.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

const IMAGE = 'osquery-audit-events-test:docker';
/** Where Docker keeps its files unless it is told otherwise. */
const ROOT = '/var/lib/docker';

const docker = (...args: readonly string[]) => spawnSync('docker', args, { encoding: 'utf8' });
const whyNoDocker = (): string | undefined => {
  const { status, stdout } = docker('info', '--format', '{{.DockerRootDir}}');
  return status === 0 && stdout.trim() === ROOT
    ? undefined
    : `it needs a Docker that runs, with its files in ${ROOT}`;
};
const whyNot = whyNotLive ?? whyNoBusybox ?? whyNoDocker();

test('a container of Docker', unless(whyNot), async () => {
  const name = `audit-events-${process.pid}`;
  const command = `/bin/true in ${name}; /bin/sleep 1; exec /bin/true last in ${name}`;
  execFileSync('docker', ['import', '-', IMAGE], { input: imageTar(), stdio: ['pipe', 'ignore', 'pipe'] });
  try {
    await using shell = await LiveShell.start('--custom_audit_telemetry_budget_ms=10000');
    execFileSync('docker', [
      ...['run', '--rm', '--network', 'none', '--name', name, '--hostname', 'inside', '--user', '1000'],
      ...[IMAGE, '/bin/sh', '-c', command],
    ]);
    const rows = await shell.query(
      `SELECT process_command_line, container_name, container_runtime, container_image, length(container_id) AS id_length, user_name,
        user_domain FROM process_telemetry_events WHERE process_command_line LIKE '/bin/%in ${name}%' ORDER BY eid`,
    );
    const container = {
      container_name: name,
      container_runtime: 'docker',
      container_image: IMAGE,
      id_length: '64',
      user_name: 'inner',
      user_domain: 'inside',
    };
    const lines = [`/bin/sh -c ${command}`, `/bin/true in ${name}`, `/bin/true last in ${name}`];
    expect(rows).toEqual(lines.map(line => ({ process_command_line: line, ...container })));
  } finally {
    docker('rmi', '-f', IMAGE);
  }
});
