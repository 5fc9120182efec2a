import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { bpf, fixedMemory } from '../../src/bpf/bpf-calls.ts';
import { KERNEL_BTF } from '../../src/bpf/kernel-btf-path.ts';
import { close } from '../../src/runtime/socket-calls.ts';
import { childrenOf } from '../bench/process-usage.ts';
import { unless } from '../unless.ts';
import { auditIsFree, whyNotLive } from './kernel-audit.ts';
import { SupervisedExtension } from './supervised-extension.ts';

const BPF_PROG_GET_FD_BY_ID = 13;
/** How often connections are looked at before others are made. */
const LOOKS = 20;
const PATIENCE = { timeout: 20_000, interval: 50 };
const whyNotBpf = whyNotLive ?? (existsSync(KERNEL_BTF) ? undefined : 'it needs a kernel with BTF');

/** Connections over IPv4 that live as short as may be, on one descriptor; says the ports that they had. */
const CONNECTS = `
import json, os, socket, sys
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(4096); ports = []
for i in range(int(sys.argv[1])):
  if i % 4000 == 3999: server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(4096)
  s = socket.socket(); s.connect(server.getsockname()); ports.append(str(s.getsockname()[1])); s.close()
print(json.dumps({"pid": os.getpid(), "ports": ports}))
`;
const connects = (count: number): { readonly pid: number; readonly ports: readonly string[] } =>
  JSON.parse(
    execFileSync('python3', ['-c', CONNECTS, String(count)], { encoding: 'utf8', maxBuffer: 1 << 24 }),
  );

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** The programs that a process holds by its links. */
const programsOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    const id = /^prog_id:\t(\d+)$/m.exec(textOf(`/proc/${pid}/fdinfo/${fd}`))?.[1];
    return id === undefined ? [] : [Number(id)];
  });

const isLoaded = (id: number): boolean => {
  const attribute = fixedMemory(120);
  attribute.writeUInt32LE(id, 0);
  const fd = bpf(BPF_PROG_GET_FD_BY_ID, attribute);
  if (fd >= 0) close(fd);
  return fd >= 0;
};

describe('BPF programs of an extension', unless(whyNotBpf), () => {
  let extension: SupervisedExtension | undefined;
  afterEach(async () => {
    await extension?.[Symbol.asyncDispose]();
    extension = undefined;
  });
  const start = async (options: Readonly<Record<string, string>> = {}): Promise<SupervisedExtension> => {
    await auditIsFree();
    extension = await SupervisedExtension.start({
      audit_allow_config: 'true',
      audit_allow_sockets: 'true',
      events_max: '50000',
      custom_audit_telemetry: 'false',
      custom_audit_state_dir: 'none',
      ...options,
    });
    return extension;
  };
  const state = (of: SupervisedExtension) => async (): Promise<string> => (await of.status()).bpf!;
  const portsOf = async (of: SupervisedExtension, pid: number): Promise<(string | undefined)[]> => {
    await of.settled();
    const rows = await of.core.generate('socket_events');
    return rows
      .filter(row => row.action === 'connect' && row.pid === String(pid))
      .toSorted((a, b) => a.eid!.localeCompare(b.eid!))
      .map(({ local_port }) => local_port);
  };

  /** Whether every connection's own end comes. It takes a moment to become certain. */
  const areFound = async (of: SupervisedExtension, made: ReturnType<typeof connects>): Promise<boolean> => {
    for (let look = 0; look < LOOKS; look++, await sleep(50))
      if ((await portsOf(of, made.pid)).join() === made.ports.join()) return true;
    return false;
  };

  test('are loaded after the start; the loader is gone, and no event is ours; a kill leaves nothing', async () => {
    const extension = await start();
    await expect.poll(state(extension), PATIENCE).toMatch(/^(fexit|tp_btf)$/);
    const programs = programsOf(extension.pid);
    expect(programs.length).toBeGreaterThan(0);
    expect(programs.filter(isLoaded)).toEqual(programs);
    const commands = () => childrenOf(extension.pid).map(pid => textOf(`/proc/${pid}/stat`));
    await expect.poll(() => commands().filter(text => /load-bpf|\) Z /.test(text)), PATIENCE).toEqual([]);
    const { pid, ports } = connects(300);
    await expect.poll(() => portsOf(extension, pid), PATIENCE).toEqual(ports);
    const rows = await extension.core.generate('socket_events');
    expect(rows.filter(row => row.pid === String(extension.pid))).toEqual([]);
    expect(extension.stderr).toBe('');
    await extension.end('SIGKILL');
    // The kernel unloads them when it comes to it.
    await expect.poll(() => programs.filter(isLoaded), PATIENCE).toEqual([]);
  }, 90_000);

  test('are not loaded if they are not wanted, and unloaded as soon as they are not', async () => {
    const off = await start({ custom_audit_bpf: 'off' });
    await expect.poll(state(off), PATIENCE).toBe('off: custom_audit_bpf=off');
    expect(programsOf(off.pid)).toEqual([]);
    await expect
      .poll(
        () => childrenOf(off.pid).filter(pid => textOf(`/proc/${pid}/comm`).startsWith('audit-load')),
        PATIENCE,
      )
      .toEqual([]);
    await off[Symbol.asyncDispose]();

    const on = await start();
    await expect.poll(state(on), PATIENCE).toMatch(/^(fexit|tp_btf)$/);
    on.core.options.set('custom_audit_bpf', 'off');
    await expect.poll(state(on), PATIENCE).toBe('off: custom_audit_bpf=off');
    await expect.poll(() => programsOf(on.pid), PATIENCE).toEqual([]);
    const { pid, ports } = connects(5);
    expect(await portsOf(on, pid)).toHaveLength(ports.length);
  }, 90_000);

  test('stay in use when a setting makes the source open anew', async () => {
    const extension = await start();
    await expect.poll(state(extension), PATIENCE).toMatch(/^(fexit|tp_btf)$/);
    extension.core.options.set('custom_audit_receive_buffer_bytes', '8388608');
    extension.core.options.set('custom_audit_telemetry', 'true');
    await expect
      .poll(async () => (await extension.core.generate('process_telemetry_events')).length >= 0, PATIENCE)
      .toBe(true);
    await expect.poll(() => areFound(extension, connects(20)), PATIENCE).toBe(true);
    expect(await state(extension)()).toMatch(/^(fexit|tp_btf)$/);
  }, 90_000);

  test('a reader that is stopped loses records, which are counted, and no end is wrong; then it goes on', async () => {
    const extension = await start();
    await expect.poll(state(extension), PATIENCE).toMatch(/^(fexit|tp_btf)$/);
    process.kill(extension.pid, 'SIGSTOP');
    const { pid, ports } = connects(10_000);
    process.kill(extension.pid, 'SIGCONT');
    await expect.poll(async () => Number((await extension.status()).bpf_lost), PATIENCE).toBeGreaterThan(0);
    const found = await portsOf(extension, pid);
    if (found.length === ports.length) {
      expect(found.filter((port, i) => port !== '0' && port !== ports[i])).toEqual([]);
    }
    await expect.poll(() => areFound(extension, connects(20)), PATIENCE).toBe(true);
  }, 90_000);

  test('a process without the capabilities is told so in words', () => {
    const node = process.execPath;
    const script = new URL('./load-programs.ts', import.meta.url).pathname;
    const said = execFileSync(
      'setpriv',
      ['--bounding-set=-all', '--inh-caps=-all', node, '--conditions=source', script],
      { encoding: 'utf8' },
    );
    const { loaded, refused } = JSON.parse(said);
    expect(loaded).toEqual([]);
    for (const { why } of refused) expect(why).toMatch(/does not permit/);
    expect(refused.length).toBeGreaterThan(0);
  });
});
