import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/model/clock.ts';
import { createHashCounters } from '../../../src/model/hash/file-hasher.ts';
import { type DigestRequest, HashClient } from '../../../src/model/hash/hash-client.ts';
import type { StartedLook } from '../../../src/model/looks/look-keeper.ts';

const clients: HashClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** Starts a program in place of the one that hashes; its input and output is `s`, a socket. */
const running = (script: string) => (): StartedLook<Socket> => {
  const program = `const ZERO = ${JSON.stringify(createHashCounters())}; const s = new (require('node:net').Socket)({ fd: 3 }); let rest = '';
    const reply = m => require('node:fs').writeSync(3, JSON.stringify(m) + '\\n');
    s.on('data', d => { rest += d; const lines = rest.split('\\n'); rest = lines.pop();
      for (const line of lines) { const q = JSON.parse(line); ${script} } });
    s.on('end', () => process.exit(0));`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  return { child, channel: child.stdio[3] as Socket };
};

const client = (start: () => StartedLook<Socket>): HashClient => {
  const made = new HashClient({ clock: systemClock, limits: { maxFileBytes: 1e6, cpuPercent: 25 }, start });
  clients.push(made);
  return made;
};

const request = (facts: Partial<DigestRequest> = {}): DigestRequest => ({
  pid: 1,
  path: '/bin/x',
  files: [],
  execMs: 1_000,
  owner: 1000,
  process: { startMs: 0, startKnown: 'fork' },
  isSameExec: () => true,
  ...facts,
});

const DIGESTS = { md5: 'm', sha256: 's' };
const ANSWER = (more: string): string =>
  `reply({ begins: q.id, foreign: false }); reply({ id: q.id, finding: { digests: ${JSON.stringify(DIGESTS)}, ${more} }, counters: { ...ZERO } });`;

describe('HashClient', () => {
  it('remembers what its key tells, and asks for nothing of it again', async () => {
    const hashes = client(running(ANSWER("key: 'k', whileRunning: false")));
    expect(await hashes.digest(request())).toEqual(DIGESTS);
    expect(hashes.recall({ key: 'k', ctimeMs: 10 }, 1_000)).toEqual(DIGESTS);
    // As old as the exec: it may have been changed between the two.
    expect(hashes.recall({ key: 'k', ctimeMs: 990 }, 1_000)).toBeUndefined();
    expect(hashes.recall({ key: 'other', ctimeMs: 10 }, 1_000)).toBeUndefined();
  });

  it('tells what holds while a process runs only if it has executed nothing since', async () => {
    const hashes = client(running(ANSWER('whileRunning: true')));
    expect(await hashes.digest(request())).toEqual(DIGESTS);
    expect(await hashes.digest(request({ isSameExec: () => false }))).toBeUndefined();
    expect(hashes.counters.changed).toBe(1);
  });

  it('gives up a process that hangs, answers all others, and does not ask for the like again', async () => {
    const hashes = client(
      running(
        `if (q.request.path === '/hangs') { reply({ begins: q.id, foreign: false }); for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); } ${ANSWER('whileRunning: false')}`,
      ),
    );
    const hanging = hashes.digest(request({ path: '/hangs' }));
    const other = hashes.digest(request({ owner: 0 }));
    expect(await hanging).toBeUndefined();
    expect(await other).toEqual(DIGESTS);
    expect(hashes.counters).toMatchObject({ hung: 1, refused: 0 });
    expect(hashes.digest(request({ path: '/hangs' }))).toBeUndefined();
    expect(hashes.digest(request({ path: '/another' }))).toBeUndefined();
    expect(hashes.counters.refused).toBe(2);
  });

  it('asks the next process where one has died', async () => {
    let starts = 0;
    const hashes = client(() =>
      running(starts++ === 0 ? 'process.exit(1);' : ANSWER('whileRunning: false'))(),
    );
    expect(await hashes.digest(request())).toEqual(DIGESTS);
    expect(starts).toBe(2);
  });

  it('lets go of everything when it is closed', async () => {
    const hashes = client(running(''));
    const waiting = hashes.digest(request());
    hashes.close();
    expect(await waiting).toBeUndefined();
    expect(hashes.digest(request())).toBeUndefined();
  });

  it('hashes and reads arguments by this program itself', async () => {
    const hashes = new HashClient({ clock: systemClock, limits: { maxFileBytes: 1e9, cpuPercent: 100 } });
    clients.push(hashes);
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    try {
      expect(await hashes.argvOf(child.pid!)).toEqual({
        argv: ['/bin/sleep', '60'],
        path: expect.stringContaining('sleep'),
      });
    } finally {
      child.kill('SIGKILL');
    }
  });
});
