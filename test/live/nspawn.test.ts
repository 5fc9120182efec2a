import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { fillRoot, whyNoBusybox } from './busybox-image.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

const MACHINED = '/lib/systemd/systemd-machined';
const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const whyNot =
  whyNotLive ??
  (isThere('systemd-nspawn') && isThere('dbus-daemon') && existsSync(MACHINED) && whyNoBusybox === undefined
    ? undefined
    : 'it needs systemd-nspawn, systemd-machined, dbus-daemon and a busybox that is linked statically');

/** The root directory of a container. */
const makeRoot = (directory: string): string => {
  const root = join(directory, 'image-of-nspawn');
  fillRoot(root);
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'usr/lib'])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['etc/os-release', 'usr/lib/os-release']) writeFileSync(join(root, name), 'ID=test\n');
  return root;
};

/** The hierarchies of cgroups by which systemd finds processes: which there are depends on the versions in use. */
const HIERARCHIES = ['', 'systemd', 'unified']
  .map(name => join('/sys/fs/cgroup', name))
  .filter(path => existsSync(join(path, 'cgroup.procs')));

/**
 * What systemd does for nspawn, where systemd does not run: a scope of machine.slice, a bus, and the service that writes what is known
 * about machines.
 */
class Stage implements AsyncDisposable {
  readonly #directory: string;
  readonly #scopes: readonly string[];
  readonly #services: ChildProcess[] = [];
  readonly env: NodeJS.ProcessEnv;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#scopes = HIERARCHIES.map(path => join(path, 'machine.slice', `machine-${name}.scope`));
    this.env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(directory, 'bus')}` };
  }

  static async set(directory: string, name: string): Promise<Stage> {
    const stage = new Stage(directory, name);
    const bus = join(directory, 'bus');
    const allowed = ['user', 'own', 'send_type', 'send_destination', 'receive_type'];
    writeFileSync(
      `${bus}.conf`,
      `<busconfig><listen>unix:path=${bus}</listen><auth>EXTERNAL</auth><policy context="default">${allowed
        .map(name => `<allow ${name}="*"/>`)
        .join('')}</policy></busconfig>`,
    );
    stage.#serve('dbus-daemon', [`--config-file=${bus}.conf`, '--nofork', '--nopidfile']);
    await expect.poll(() => existsSync(bus), { timeout: 10_000 }).toBe(true);
    stage.#serve(MACHINED, []);
    const isServed = () =>
      spawnSync('busctl', ['--system', 'status', 'org.freedesktop.machine1'], { env: stage.env }).status;
    await expect.poll(isServed, { timeout: 10_000 }).toBe(0);
    for (const scope of stage.#scopes) mkdirSync(scope, { recursive: true });
    return stage;
  }

  #serve(program: string, args: readonly string[]): void {
    this.#services.push(spawn(program, args, { env: this.env, stdio: 'ignore' }));
  }

  /** A command that is run in the scope. */
  within(command: readonly string[]): readonly string[] {
    const enter = this.#scopes.map(scope => `echo $$ >${scope}/cgroup.procs`).join('; ');
    return ['sh', '-c', `${enter}; exec "$@"`, 'sh', ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services.toReversed()) {
      if (service.exitCode !== null || service.signalCode !== null) continue;
      service.kill();
      await once(service, 'exit');
    }
    for (const scope of this.#scopes) {
      for (const path of ['payload', 'supervisor', '.', '..']) {
        try {
          rmdirSync(join(scope, path));
        } catch {
          // It was not made, or somebody else has cgroups there.
        }
      }
    }
    rmSync(`${this.#directory}/bus.conf`);
  }
}

test('a container of systemd-nspawn', unless(whyNot), async () => {
  const name = `audit-events-${process.pid}`;
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'nspawn-')));
  const root = makeRoot(directory);
  const nspawn = ['systemd-nspawn', '-q', '-D', root, '-M', name];
  // Its runtime's file is gone as soon as it ends.
  const command = ['/bin/sh', '-c', `/bin/true in ${name}; /bin/sleep 2`];
  try {
    await using shell = await LiveShell.start('--custom_audit_telemetry_budget_ms=10000');
    if (existsSync('/run/systemd/system')) execFileSync(nspawn[0]!, [...nspawn.slice(1), ...command]);
    else {
      await using stage = await Stage.set(directory, name);
      const [program, ...args] = stage.within([...nspawn, '--keep-unit', ...command]);
      execFileSync(program!, args, { env: stage.env, stdio: ['ignore', 'ignore', 'pipe'] });
    }
    const rows = await shell.query(
      `SELECT process_command_line, container_id, container_runtime, container_name, container_image, user_name
        FROM process_telemetry_events WHERE process_command_line LIKE '/bin/%in ${name}%' ORDER BY eid`,
    );
    const container = {
      container_id: name,
      container_runtime: 'systemd-nspawn',
      container_name: name,
      container_image: basename(root),
      user_name: 'root',
    };
    expect(rows).toEqual([
      { process_command_line: command.join(' '), ...container },
      { process_command_line: `/bin/true in ${name}`, ...container },
    ]);
  } finally {
    rmSync(directory, { recursive: true });
    rmSync(join('/run/systemd/nspawn/propagate', name), { recursive: true, force: true });
  }
});
