import type { Header } from '../../src/openbsm/header.ts';
import { encodeRecord, encodeToken } from '../../src/openbsm/record.ts';
import type { Token } from '../../src/openbsm/token-table.ts';
import {
  argument,
  attr32,
  failed,
  header32,
  identity,
  path,
  record,
  SAMPLE_TOKENS,
  START_SECONDS,
  subject32,
  succeeded,
  text,
} from './sample-tokens.ts';

const concat = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
/** Changes bytes of a copy. */
const patch = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
};

const args = (...entries: readonly string[]): Token => ({ kind: 'exec_args', args: entries });
const env = (...entries: readonly string[]): Token => ({ kind: 'exec_env', env: entries });
/** What the kernel ends every record with. */
const end = (pid: number, result: Token = succeeded()): readonly Token[] => [
  subject32({ pid }),
  result,
  identity,
];
const startup = record(45000, [text('auditd::Audit startup'), succeeded()]);

const everyToken = (): Uint8Array =>
  concat(
    encodeToken(SAMPLE_TOKENS.file),
    // open(2), of which no table has rows.
    ...Object.values(SAMPLE_TOKENS).map((token, i) => record(3, [token], START_SECONDS + i)),
    encodeToken(SAMPLE_TOKENS.file),
  );

const processes = (): Uint8Array =>
  concat(
    startup,
    record(2, [argument(0, 'child PID', 5001), ...end(4242, succeeded(5001))]),
    record(23, [
      args('ls', '-l', 'two words'),
      env('HOME=/Users/kathe', 'LANG=de_DE.UTF-8'),
      path('/bin/ls'),
      path('/System/Volumes/Data/bin/ls'),
      attr32(),
      ...end(5001),
    ]),
    // A script: its interpreter follows it.
    record(25, [argument(0, 'child PID', 5002), ...end(5001, succeeded(5002))]),
    record(23, [
      args('./deploy.py', '--now'),
      env(),
      path('/Users/kathe/deploy.py'),
      path('/Users/kathe/deploy.py'),
      attr32({ mode: 0o100700, uid: 501, gid: 20, node: 42n }),
      path('/usr/bin/python3'),
      attr32({ node: 77n }),
      ...end(5002),
    ]),
    // Who connects is the interpreter.
    record(32, [
      argument(1, 'fd', 3),
      { kind: 'sockinet32', family: 2, port: 443, address: '198.51.100.2' },
      ...end(5002),
    ]),
    record(43190, [
      argument(0, 'child PID', 5003),
      args('id'),
      path('/usr/bin/id'),
      path('/usr/bin/id'),
      attr32({ mode: 0o104755 }),
      ...end(5002),
    ]),
    // macOS adds the hash of the program's code.
    record(43190, [
      argument(0, 'child PID', 5008),
      args('log', 'show'),
      path('/usr/bin/log'),
      path('/usr/bin/log'),
      attr32(),
      { kind: 'data', form: 3, unit: 0, bytes: Uint8Array.from({ length: 20 }, (_, i) => i) },
      ...end(5002),
    ]),
    // A spawn that opens a file for its child: the path is of that file.
    record(43190, [argument(0, 'child PID', 5009), args('log', 'show'), path('/dev/null'), ...end(5002)]),
    // A spawn that replaces its caller names no child.
    record(43190, [args('/usr/libexec/xpcproxy'), path('/usr/libexec/xpcproxy'), attr32(), ...end(5003)]),
    record(43190, [args('missing'), path('/usr/bin/missing'), ...end(5003, failed(2))]),
    record(23, [
      args('locked'),
      path('/usr/bin/locked'),
      path('/usr/bin/locked'),
      attr32(),
      ...end(5003, failed(45)),
    ]),
    record(7, [path('/bin/old'), attr32(), ...end(5003)]),
    record(43131, [path('/bin/labelled'), attr32(), ...end(5003)]),
    record(43144, [args('by-descriptor'), attr32(), ...end(5003)]),
    record(241, [argument(0, 'child PID', 5004), ...end(5003, succeeded(5004))]),
    // Some kernels give the child only as the call's result.
    record(353, end(5003, succeeded(5005))),
    record(43043, [argument(0, 'child PID', 5006), ...end(5003, succeeded(5006))]),
    record(43197, [argument(0, 'child PID', 5007), ...end(5003, succeeded(5007))]),
    record(2, end(5003, failed(11))),
    record(1, [{ kind: 'exit', status: 3, value: 0 }, ...end(5002)]),
    // Its parent is not known any more.
    record(23, [args('after'), path('/bin/after'), attr32(), ...end(5002)]),
  );

const sockets = (): Uint8Array => {
  const fd = argument(1, 'fd', 7);
  const v4: Token = { kind: 'sockinet32', family: 2, port: 443, address: '198.51.100.2' };
  // The kernel of macOS writes 26 for the family, and the port with its bytes swapped: 0xfb20 is 8443, 0x901f is 8080.
  const v6 = (family: number, port = family === 26 ? 0xfb20 : 8443): Token => ({
    kind: 'sockinet128',
    family,
    port,
    address: '2001:db8::2',
  });
  const unix: Token = { kind: 'sockunix', family: 1, path: '/var/run/mDNSResponder' };
  return concat(
    record(32, [fd, v4, ...end(6001)]),
    record(32, [fd, v6(30), ...end(6001)]),
    record(32, [fd, v6(26), ...end(6001, failed(146))]),
    record(32, [fd, v4, ...end(6001, failed(150))]),
    record(32, [fd, unix, path('/private/var/run/mDNSResponder'), ...end(6001)]),
    // A family the tables do not hold.
    record(32, [fd, ...end(6001)]),
    record(33, [
      fd,
      { kind: 'sockinet32', family: 2, port: 50123, address: '203.0.113.9' },
      ...end(6002, succeeded(9)),
    ]),
    record(33, [fd, v6(26), ...end(6002, succeeded(9))]),
    record(33, [fd, ...end(6002, succeeded(9))]),
    record(33, [fd, ...end(6002, failed(11))]),
    record(34, [fd, { kind: 'sockinet32', family: 2, port: 8080, address: '0.0.0.0' }, ...end(6003)]),
    record(34, [
      fd,
      { kind: 'sockinet128', family: 26, port: 0x901f, address: '::' },
      ...end(6003, failed(125)),
    ]),
    record(34, [fd, { kind: 'sockunix', family: 1, path: '/tmp/s' }, ...end(6003)]),
    record(43140, [fd, ...end(6003)]),
    record(184, [
      fd,
      { kind: 'sockinet32', family: 2, port: 53, address: '192.0.2.53' },
      ...end(6004, succeeded(31)),
    ]),
    record(184, [fd, ...end(6004, succeeded(31))]),
    record(32, [
      argument(1, 'fd', 3),
      {
        kind: 'socket_ex',
        domain: 26,
        type: 2,
        localPort: 49152,
        localAddress: '2001:db8::1',
        remotePort: 443,
        remoteAddress: '2001:db8::2',
      },
      ...end(6005),
    ]),
    record(34, [argument(1, 'fd', 3), SAMPLE_TOKENS.socket, ...end(6005)]),
  );
};

const users = (): Uint8Array => {
  const from = (address: string, tokens: readonly Token[], result: Token = succeeded()): readonly Token[] => [
    subject32({ address, pid: 7001 }),
    ...tokens,
    result,
    identity,
  ];
  const session = [
    { kind: 'arg64', number: 1, value: 0x2030n, text: 'sflags' },
    argument(2, 'am_success', 12288),
    argument(3, 'am_failure', 12288),
  ] as const;
  return concat(
    startup,
    record(32800, from('203.0.113.9', [text('successful login kathe')])),
    record(32800, [
      { ...subject32({ auid: 0xffffffff, pid: 7002 }), kind: 'subject32_ex', address: '2001:db8::9' },
      text('invalid user mallory'),
      failed(1),
    ]),
    record(6152, from('0.0.0.0', [])),
    record(6152, from('0.0.0.0', [text('Login incorrect')], failed(1))),
    record(6153, from('0.0.0.0', [])),
    record(6159, from('0.0.0.0', [text('bad su root to kathe')], failed(13))),
    record(45028, from('0.0.0.0', [text('Authentication failure'), path('/usr/bin/sudo')], failed(1))),
    record(45021, from('0.0.0.0', [text('kathe')])),
    record(45022, from('0.0.0.0', [])),
    record(
      45023,
      from('0.0.0.0', [text("Verify password for record type Users 'kathe' node '/Local/Default'")]),
    ),
    record(45024, from('0.0.0.0', [text('begin evaluation')])),
    record(
      45025,
      from('0.0.0.0', [text('system.preferences'), text("client '/System/x.app'"), text("creator '/x'")]),
    ),
    record(45026, from('0.0.0.0', [{ kind: 'in_addr_ex', address: '2001:db8::5' }])),
    record(45030, from('0.0.0.0', [text('system.login.console')])),
    ...[44901, 44902, 44903, 44904].map(event => record(event, [...session, ...end(1)])),
    ...[6163, 6207, 6208, 6209, 6210, 6211, 45014, 45015, 45016, 45017, 45018, 45019].map(event =>
      record(event, from('0.0.0.0', [text("Users 'mallory' node '/Local/Default'")])),
    ),
    // Some writers end a text twice.
    record(45029, [
      {
        kind: 'unknown',
        id: 0x28,
        bytes: Uint8Array.from(Buffer.from('\0\x19launchd::Audit recovery\0\0', 'latin1')),
      },
    ]),
    record(45001, [text('auditd::Audit shutdown'), succeeded()]),
  );
};

const threeHundredArguments = (): Uint8Array => {
  const entries = Array.from({ length: 300 }, (_, i) => `argument-${i}`);
  return record(23, [
    args(...entries),
    env(...entries.map((entry, i) => `V${i}=${entry}`)),
    path('/bin/echo'),
    attr32(),
    ...end(8001),
  ]);
};

const wide = (): Uint8Array => {
  const at = { version: 11, modifier: 0 };
  const headers: readonly ((event: number) => Header)[] = [
    event => ({
      kind: 'header32_ex',
      ...at,
      event,
      address: '192.0.2.200',
      seconds: START_SECONDS,
      milliseconds: 1,
    }),
    event => ({
      kind: 'header32_ex',
      ...at,
      event,
      address: '2001:db8::200',
      seconds: START_SECONDS,
      milliseconds: 2,
    }),
    event => ({ kind: 'header64', ...at, event, seconds: BigInt(START_SECONDS), milliseconds: 999n }),
    event => ({
      kind: 'header64_ex',
      ...at,
      event,
      address: '192.0.2.200',
      seconds: 0x1_0000_0000n,
      milliseconds: 4n,
    }),
    // Solaris counts nanoseconds.
    event => ({
      kind: 'header64_ex',
      version: 2,
      event,
      modifier: 0x8000,
      address: '::1',
      seconds: 1n,
      milliseconds: 5_999_999n,
    }),
  ];
  const subjects = [SAMPLE_TOKENS.subject64, SAMPLE_TOKENS.subject32_ex, SAMPLE_TOKENS.subject64_ex];
  const result: Token = { kind: 'return64', error: 0, value: 0n };
  return concat(
    ...headers.flatMap(header =>
      subjects.map(subject =>
        encodeRecord(header(23), [
          args('wide'),
          path('/bin/wide'),
          { ...SAMPLE_TOKENS.attr64, fsid: 16777229 },
          subject,
          result,
        ]),
      ),
    ),
    encodeRecord(headers[2]!(43190), [
      { kind: 'arg64', number: 0, value: 70000n, text: 'child PID' },
      args('wide'),
      path('/bin/wide'),
      SAMPLE_TOKENS.attr64,
      SAMPLE_TOKENS.subject64,
      result,
    ]),
    encodeRecord(headers[0]!(6152), [SAMPLE_TOKENS.subject64_ex, { kind: 'return64', error: 1, value: 0n }]),
  );
};

const damaged = (): Uint8Array => {
  const good = (seconds: number): Uint8Array => record(6152, [subject32(), succeeded()], seconds);
  const one = good(0);
  const cutText = record(6152, [subject32(), text('this text announces more than there is')]);
  return concat(
    Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x14, 0x00),
    good(1),
    encodeToken(SAMPLE_TOKENS.file),
    good(2),
    Uint8Array.from({ length: 300 }, (_, i) => i),
    good(3),
    // Lengths that lie: too short, 4 GiB, one byte less and one more than there is.
    patch(one, 1, 0, 0, 0, 12),
    good(4),
    patch(one, 1, 0xff, 0xff, 0xff, 0xff),
    good(5),
    patch(one, 4, one.length - 1),
    good(6),
    patch(one, 4, one.length + 1),
    good(7),
    // A trailer without its magic.
    patch(one, one.length - 6, 0xff),
    good(8),
    // Damage inside a record costs what stands behind it there.
    patch(cutText, 18 + 37 + 1, 0xff, 0xff),
    good(9),
    record(6152, [subject32(), { kind: 'exec_args', args: ['x'] }, succeeded()], 10).map((byte, i) =>
      i >= 56 && i < 60 ? 0xff : byte,
    ),
    record(6152, [subject32(), { kind: 'unknown', id: 0xee, bytes: Uint8Array.of(1, 2, 3) }], 11),
    // Its subject stands behind what is not known: nobody can say whose event this was.
    record(23, [{ kind: 'unknown', id: 0xef, bytes: encodeToken(subject32()) }], 12),
    // A header with an address that is neither of IPv4 nor of IPv6.
    patch(
      encodeRecord({ ...header32(6152), kind: 'header32_ex', address: '192.0.2.1' } as Header, []),
      13,
      9,
    ),
    good(13),
    good(14).subarray(0, 40),
  );
};

/** The trails of fixtures/openbsm by their names. */
export const FIXTURE_TRAILS: Readonly<Record<string, () => Uint8Array>> = {
  'every-token': everyToken,
  processes,
  sockets,
  users,
  'three-hundred-arguments': threeHundredArguments,
  wide,
  damaged,
};
