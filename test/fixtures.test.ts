import { readdirSync, readFileSync } from 'node:fs';
import type { PluginRow } from 'osquery-extension-ts';
import { describe, expect, test } from 'vitest';
import { scenarios } from './record/scenarios.ts';
import { replayLogs, replayRows } from './replay-rows.ts';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const top = readdirSync(fixtures);
/** Of each kernel that machines of `npm run prove:kernels` booted. */
const kernels = top.filter(file => file.startsWith('linux-'));
const names = [
  ...top,
  ...kernels.flatMap(kernel => readdirSync(`${fixtures}${kernel}`).map(file => `${kernel}/${file}`)),
]
  .filter(file => file.endsWith('.log'))
  .map(file => file.slice(0, -'.log'.length));

describe('recorded events', () => {
  test.each(names)('%s makes the rows beside it', async name => {
    const expected = JSON.parse(readFileSync(`${fixtures}${name}.json`, 'utf8'));
    expect(await replayRows(`${fixtures}${name}.log`)).toEqual(expected);
  });
});

/** What the scenarios asked for, said apart from what was once seen to come out. */
describe('recorded executions', () => {
  const executed = async (name: string): Promise<readonly PluginRow[]> => {
    const { process_events } = await replayRows(`${fixtures}${name}.log`);
    return process_events!.filter(row => row.syscall?.startsWith('execve'));
  };
  const plain = scenarios('/tmp/osquery-audit-record', () => {}, '/tmp/osquery-audit-record/watched').filter(
    ({ command, needs }) => needs === undefined && command[0].startsWith('/bin/'),
  );

  test.each(
    plain.flatMap(scenario =>
      [scenario.name, ...names.filter(name => name.endsWith(`/${scenario.name}`))].map(
        name => [name, scenario] as const,
      ),
    ),
  )('%s has its exact arguments', async (name, scenario) => {
    const [first] = await executed(name);
    expect(JSON.parse(first!.argv!)).toEqual(scenario.command);
    expect(first!.cmdline).toBe(scenario.command.join(' '));
    expect(first!.cmdline_size).toBe(String(Buffer.byteLength(scenario.command.join(' '))));
    expect(first!.cwd).toBe(
      `/tmp/osquery-audit-record${scenario.cwd === undefined ? '' : `/${scenario.cwd}`}`,
    );
    expect(first!.uid).toBe(String(scenario.uid ?? 0));
  });

  test('each plain execution appears once', async () => {
    for (const name of [
      'exec',
      'exec-odd-arguments',
      'exec-900-arguments',
      'exec-90kb-argument',
      'exec-200kb',
    ]) {
      expect(await executed(name)).toHaveLength(1);
    }
  });

  test('a script shows its interpreter as path and its own words as arguments', async () => {
    const [script, command] = await executed('exec-script');
    expect(JSON.parse(script!.argv!)).toEqual([
      '/bin/sh',
      '/tmp/osquery-audit-record/script.sh',
      'an argument',
    ]);
    expect(command!.path).toBe('/usr/bin/true');
  });

  test('bytes that are not UTF-8 are escaped', async () => {
    const [, row] = await executed('exec-invalid-utf8');
    expect(JSON.parse(row!.argv!)).toEqual([
      '/bin/true',
      '\\xFF\\xFE',
      'caf\\xE9',
      '\\xED\\xA0\\x80',
      '\\xC0\\x80ok',
    ]);
  });

  test('a 32-bit program is seen with its own system call numbers', async () => {
    const { process_events, socket_events } = await replayRows(`${fixtures}exec-i386.log`);
    expect(process_events!.map(row => [row.syscall, row.argv])).toContainEqual([
      'execve',
      '["/bin/true","from i386"]',
    ]);
    expect(socket_events).toMatchObject([
      { action: 'connect', fd: '3', remote_address: '127.0.0.1', remote_port: '53' },
    ]);
  });

  test('what a 32-bit program connects by sending is a connect, and a datagram is no row', async () => {
    const { socket_events } = await replayRows(`${fixtures}connect-i386.log`);
    expect(socket_events).toMatchObject([
      { action: 'connect', fd: '3', remote_address: '127.0.0.1', remote_port: '7', status: 'in_progress' },
    ]);
  });

  test('two containers with the same ports are told apart by their processes', async () => {
    const { process_events, socket_events } = await replayRows(`${fixtures}containers.log`);
    const peers = process_events!.filter(row => row.path === '/usr/bin/perl' && row.syscall === 'execve');
    expect(peers.map(({ uid }) => uid).toSorted()).toEqual(['0', '1000']);
    for (const { pid } of peers) {
      const own = socket_events!.filter(row => row.pid === pid);
      expect(own.map(row => [row.action, row.local_port, row.remote_port]).toSorted()).toEqual([
        // It did not ask for the address.
        ['accept', '0', '0'],
        ['bind', '7070', '0'],
        ['bind', '7071', '0'],
        ['bind', '7072', '0'],
        ['connect', '0', '7070'],
        ['connect', '0', '7071'],
      ]);
      const children = process_events!.filter(row => row.parent === pid && row.syscall === 'execve');
      expect(children.map(({ argv }) => JSON.parse(argv!)[1])).toEqual(['1', '2', '3']);
    }
  });

  test('threads are no processes', async () => {
    const { process_events } = await replayRows(`${fixtures}clone-thread.log`);
    expect(process_events!.map(row => row.syscall)).toEqual(['execve', 'execve']);
  });

  test('a failed open is no event', async () => {
    expect(await replayRows(`${fixtures}open-failed.log`)).toEqual({
      process_events: [],
      socket_events: [],
      user_events: [],
    });
  });

  test('a call on a descriptor without CWD, as in Linux 5.10, lacks nothing and keeps its place', async () => {
    const { rows, counters } = await replayLogs([`${fixtures}linux-5.10/files.log`]);
    const operations = rows.process_file_events!.map(row => `${row.syscall} ${row.eid}`);
    expect(operations).toContain('fchmod 0000000016');
    expect(counters).toMatchObject({ unterminated: 0, incomplete: 0, repeated: 0 });
  });

  test('what auditd wrote enriched gives the same as what it wrote raw', async () => {
    const argumentsOf = async (name: string) =>
      (await executed(name)).map(row => row.argv!.replace(/ppid=\d+/, 'ppid='));
    expect(await argumentsOf('auditd-enriched')).toEqual(await argumentsOf('auditd-raw'));
  });
});
