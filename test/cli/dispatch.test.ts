import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { commonFlags, extensionFlags, shellFlags } from '../../src/cli/command-flags.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { FlagError } from '../../src/flags/flag-error.ts';
import type { ParsedFlags } from '../../src/flags/parse-flags.ts';

const fake = (name: string, flags: Command['flags'], run: Command['run']): Command => ({
  name,
  summary: `summary of ${name}`,
  usage: `${name} usage`,
  notes: [],
  flags,
  flagGroups: commonFlags,
  run,
});

const dispatched = async (args: readonly string[], run: Command['run'] = async () => 0) => {
  const out: string[] = [];
  const err: string[] = [];
  const ran: { command: string; flags: ParsedFlags }[] = [];
  const record = (name: string) => async (flags: ParsedFlags) => {
    ran.push({ command: name, flags });
    return run(flags);
  };
  const status = await dispatch(args, {
    commands: [fake('', extensionFlags, record('')), fake('shell', shellFlags, record('shell'))],
    version: async () => '1.2.3',
    stdout: text => out.push(text),
    stderr: text => err.push(text),
    readFlagfile: () => new TextEncoder().encode('--socket=/from/file\n'),
  });
  return { status, out: out.join(''), err: err.join(''), ran };
};

describe('what runs', () => {
  test('flags with a socket are the extension', async () => {
    const { status, ran } = await dispatched([
      '--socket',
      '/s',
      '--timeout',
      '5',
      '--interval=7',
      '--verbose',
    ]);
    expect(status).toBe(0);
    expect(ran.map(({ command, flags }) => [command, Object.fromEntries(flags.values)])).toEqual([
      ['', { socket: '/s', timeout: '5', interval: '7', verbose: 'true' }],
    ]);
    expect((await dispatched(['--flagfile=f'])).ran[0]?.flags.values.get('socket')).toBe('/from/file');
    expect((await dispatched(['--extensions_socket=/s'])).ran).toHaveLength(1);
  });

  test('a command gets its own flags, its status is the exit status', async () => {
    const { status, ran } = await dispatched(
      ['shell', '--json', '--replay=a', 'SELECT 1', '--replay', 'b'],
      async () => 5,
    );
    expect(status).toBe(5);
    expect(ran[0]?.command).toBe('shell');
    expect(ran[0]?.flags.positionals).toEqual(['SELECT 1']);
    expect(ran[0]?.flags.lists.get('replay')).toEqual(['a', 'b']);
  });
});

describe('information needs no valid flags and runs nothing', () => {
  test.each(['--help', '-h', '-help', '--help=all'])('%s', async word => {
    for (const args of [[word], ['--nonesuch', word], ['--socket=/s', word]]) {
      const { status, out, err, ran } = await dispatched(args);
      expect([status, err, ran]).toEqual([0, '', []]);
      expect(out).toContain('summary of shell');
    }
    const { out } = await dispatched(['shell', word]);
    expect(out).toContain('shell usage');
    expect(out).toContain('--json');
  });

  test('hidden flags are shown by --help=all only', async () => {
    const plain = (await dispatched(['shell', '--help'])).out;
    const all = (await dispatched(['shell', '--help=all'])).out;
    for (const name of ['audit_debug', 'audit_allow_unix', 'tls_hostname']) {
      expect(plain).not.toContain(name);
      expect(all).toContain(name);
    }
    expect(plain).toContain('--audit_allow_config');
    for (const line of `${plain}${all}`.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('every visible flag is listed once', async () => {
    const { out } = await dispatched(['shell', '--help']);
    for (const flag of [...commonFlags.flat(), ...shellFlags]) {
      if ('hidden' in flag && flag.hidden === true) continue;
      expect(
        out.split('\n').filter(line => line.startsWith(`  --${flag.name} `) || line === `  --${flag.name}`),
        flag.name,
      ).toHaveLength(1);
    }
  });

  test('--version, but not after "--"', async () => {
    expect(await dispatched(['--version'])).toMatchObject({ status: 0, out: 'osquery-audit-events 1.2.3\n' });
    expect((await dispatched(['shell', '--', '--version'])).ran).toHaveLength(1);
  });
});

describe('a wrong command line is one line and status 2', () => {
  test.each([
    [[], 'expected a command first (shell) or --socket PATH, got nothing'],
    [['--json'], 'expected a command first (shell) or --socket PATH, got "--json"'],
    [['shel'], 'unknown command "shel" (did you mean shell?)'],
    [['query'], 'unknown command "query": expected shell or --socket PATH'],
    [['shell', '--nonesuch'], 'unknown flag --nonesuch'],
    [['--socket=/s', '--json'], 'unknown flag --json'],
    [['shell', '--events_max=x'], '--events_max: expected a whole number'],
    [['--socket=/s', '--timeout=soon'], '--timeout: expected a whole number'],
    [['--socket'], '--socket needs a value'],
  ])('%j', async (args, message) => {
    const { status, out, err, ran } = await dispatched(args);
    expect([status, out, ran]).toEqual([2, '', []]);
    expect(err).toContain(message);
    expect(err).toMatch(/^osquery-audit-events: [^\n]+\n$/);
  });
});

describe('an error of a command', () => {
  const coded = Object.assign(new Error('first\n  second \u001b[31m'), { code: 'owned' });

  test('that was foreseen: its message on one line, status 1', async () => {
    const { status, err } = await dispatched(['shell'], () => Promise.reject(coded));
    expect([status, err]).toEqual([1, 'osquery-audit-events: first second \ufffd[31m\n']);
  });

  test('of usage: status 2', async () => {
    const { status, err } = await dispatched(['shell'], () => Promise.reject(new FlagError('usage', 'no')));
    expect([status, err]).toEqual([2, 'osquery-audit-events: no\n']);
  });

  test.each([
    new TypeError('x is not a function'),
    Object.assign(new Error('bad'), { code: 'ERR_INVALID_ARG_TYPE' }),
    'thrown text',
  ])('that was not foreseen: named as a fault, with the stack only if asked for (%s)', async error => {
    const plain = await dispatched(['shell'], () => Promise.reject(error));
    expect(plain.status).toBe(1);
    expect(plain.err).toMatch(
      /^osquery-audit-events: internal error: [^\n]+; please report it[^\n]+--verbose[^\n]+\n$/,
    );
    const verbose = await dispatched(['shell', '--verbose'], () => Promise.reject(error));
    expect(verbose.err.includes('\n    at ')).toBe(error instanceof Error);
  });
});
