import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accounts, type AccountsLimits } from '../../../src/model/accounts/accounts.ts';
import { type AskNss, askGetent } from '../../../src/model/accounts/getent.ts';
import { FakeClock, settled } from '../fake-clock.ts';

let directory: string;
let passwdPath: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'accounts-'));
  passwdPath = join(directory, 'passwd');
  writeFileSync(passwdPath, 'root:x:0:0:root:/root:/bin/sh\nbuild@ci:x:1001:1001::/:/bin/sh\n');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** NSS that the test answers by hand. */
const manualNss = () => {
  const asked: {
    uids: readonly number[];
    answer: { resolve(name?: string): void; reject(error: Error): void };
  }[] = [];
  const askNss: AskNss = uids => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<number, string>>();
    const answer = {
      // Of the first of them; none of the others has a name.
      resolve: (name?: string) => resolve(new Map(name === undefined ? [] : [[uids[0]!, name]])),
      reject,
    };
    asked.push({ uids, answer });
    return promise;
  };
  return { askNss, asked };
};

const setUp = (limits: Partial<AccountsLimits> = {}) => {
  const clock = new FakeClock();
  const nss = manualNss();
  const accounts = new Accounts({
    clock,
    hostName: () => 'web1',
    askNss: nss.askNss,
    passwdPath,
    subuidPath: join(directory, 'subuid'),
    limits,
  });
  return { clock, accounts, ...nss };
};

describe('Accounts', () => {
  it('names local accounts at once, with the host as their domain', () => {
    const { accounts, asked } = setUp();
    expect(accounts.find(0)).toEqual({ name: 'root', domain: 'web1', username: 'root' });
    // A local name is whole, whatever is in it.
    expect(accounts.find(1001)).toEqual({ name: 'build@ci', domain: 'web1', username: 'build@ci' });
    expect(asked).toEqual([]);
  });

  it('asks NSS once for all who want to know the same uid, and remembers', async () => {
    const { accounts, asked } = setUp();
    const first = accounts.find(70_001);
    const second = accounts.find(70_001);
    await settled();
    expect(asked.map(({ uids }) => uids)).toEqual([[70_001]]);
    asked[0]!.answer.resolve('CORP\\alice');
    const account = { name: 'alice', domain: 'CORP', username: 'CORP\\alice' };
    expect(await Promise.all([first, second])).toEqual([account, account]);
    expect(accounts.find(70_001)).toEqual(account);
  });

  it('remembers that there is no account, for a shorter time than a name', async () => {
    const { accounts, asked, clock } = setUp();
    const missing = accounts.find(5);
    const found = accounts.find(6);
    await settled();
    asked[0]!.answer.resolve();
    asked[1]!.answer.resolve('bob');
    expect(await missing).toBeUndefined();
    expect(await found).toEqual({ name: 'bob', domain: undefined, username: 'bob' });
    expect(accounts.find(5)).toBeUndefined();
    await clock.advance(60_000);
    expect(accounts.find(5)).toBeInstanceOf(Promise);
    expect(accounts.find(6)).toMatchObject({ name: 'bob' });
    await clock.advance(540_000);
    expect(accounts.find(6)).toBeInstanceOf(Promise);
  });

  it('has no name while NSS fails, and asks again later', async () => {
    const { accounts, asked, clock } = setUp();
    const failing = accounts.find(5);
    await settled();
    asked[0]!.answer.reject(new Error('no directory server'));
    expect(await failing).toBeUndefined();
    expect(accounts.find(5)).toBeUndefined();
    expect(accounts.counters).toMatchObject({ failed: 1, lastError: 'no directory server' });
    await clock.advance(10_000);
    expect(accounts.find(5)).toBeInstanceOf(Promise);
  });

  it('asks everything anew when the passwd file has changed', async () => {
    const { accounts, asked, clock } = setUp();
    expect(accounts.find(0)).toMatchObject({ name: 'root' });
    const missing = accounts.find(1002);
    await settled();
    asked[0]!.answer.resolve();
    await missing;
    writeFileSync(passwdPath, 'admin:x:0:0::/:/bin/sh\ncarol:x:1002:1002::/:/bin/sh\n');
    // One that was missing is looked for at once, or NSS would tell the name of a local account without its domain.
    expect(accounts.find(1002)).toEqual({ name: 'carol', domain: 'web1', username: 'carol' });
    writeFileSync(passwdPath, 'other:x:0:0::/:/bin/sh\n');
    expect(accounts.find(0)).toMatchObject({ name: 'admin' });
    await clock.advance(1000);
    expect(accounts.find(0)).toMatchObject({ name: 'other' });
  });

  it('keeps the names it has while the file is gone', async () => {
    const { accounts, clock } = setUp();
    expect(accounts.find(0)).toMatchObject({ name: 'root' });
    rmSync(passwdPath);
    await clock.advance(1000);
    expect(accounts.find(0)).toMatchObject({ name: 'root' });
  });

  it('asks NSS for many at once, and refuses to pile them up', async () => {
    const { accounts, asked } = setUp({ maxRunning: 2, maxWaiting: 3 });
    const answers = [1, 2, 3, 4, 5].map(uid => accounts.find(uid));
    await settled();
    expect(asked.map(({ uids }) => uids)).toEqual([[1], [2]]);
    expect(accounts.find(6)).toBeUndefined();
    expect(accounts.counters.refused).toBe(1);
    asked[0]!.answer.resolve('one');
    await settled();
    expect(asked.map(({ uids }) => uids)).toEqual([[1], [2], [3, 4, 5]]);
    asked[1]!.answer.resolve('two');
    asked[2]!.answer.resolve('three');
    expect((await Promise.all(answers)).map(account => account?.name)).toEqual([
      ...['one', 'two', 'three'],
      ...[undefined, undefined],
    ]);
    expect(accounts.find(6)).toBeInstanceOf(Promise);
  });

  it('starts a few processes a second, however many uids come', async () => {
    const { accounts, asked, clock } = setUp({ maxPerSecond: 5 });
    for (let i = 0; i < 2_000; i++) {
      void accounts.find(70_000 + i);
      await settled();
      for (const { answer } of asked) answer.resolve();
      await clock.advance(2.5);
    }
    // 5 s, and those saved up before.
    expect(asked.length).toBeLessThanOrEqual(5 * 5 + 5);
    expect(asked.reduce((sum, { uids }) => sum + uids.length, 0)).toBeGreaterThan(1_500);
  });

  it('does not ask for uids of user namespaces', async () => {
    writeFileSync(join(directory, 'subuid'), 'alice:100000:65536\n# none\nbob:x:1\n200000:200000:2\n');
    const { accounts, asked } = setUp();
    for (const uid of [100_000, 165_535, 200_001]) expect(accounts.find(uid)).toBeUndefined();
    expect(asked).toEqual([]);
    for (const uid of [99_999, 165_536, 200_002]) expect(accounts.find(uid)).toBeInstanceOf(Promise);
  });

  it('remembers no more answers than its limit', async () => {
    const { accounts, asked } = setUp({ maxRemembered: 2 });
    for (const uid of [1, 2, 3]) {
      const answer = accounts.find(uid);
      await settled();
      asked.at(-1)!.answer.resolve(`user${uid}`);
      await answer;
    }
    expect(accounts.find(3)).toMatchObject({ name: 'user3' });
    expect(accounts.find(1)).toBeInstanceOf(Promise);
  });

  it('reads no passwd file larger than its limit', () => {
    const { accounts } = setUp({ maxPasswdBytes: 10 });
    expect(accounts.find(0)).toBeInstanceOf(Promise);
  });
});

describe('askGetent', () => {
  const script = (body: string): string => {
    const path = join(directory, 'getent');
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it('knows root, and that nobody has a uid that nobody has', async () => {
    const ask = askGetent();
    expect(await ask([0, 3_999_999_999])).toEqual(new Map([[0, 'root']]));
  });

  it('goes to the next place if there is no getent at the first', async () => {
    expect(await askGetent(['/nonexistent/getent', '/usr/bin/getent'])([0])).toEqual(new Map([[0, 'root']]));
    await expect(askGetent(['/nonexistent/getent'])([0])).rejects.toThrow('no getent at /nonexistent/getent');
  });

  it.each([
    ['CORP\\alice', 'alice', 'CORP'],
    ['alice@corp.example', 'alice', 'corp.example'],
    ['build@ci@corp.example', 'build@ci', 'corp.example'],
    ['bob', 'bob', undefined],
  ])('gives %s, which becomes an account with its domain', async (username, name, domain) => {
    const getent = script(`cat <<'END'\n${username}:*:70001:70001:A. Name:/home/a:/bin/sh\nEND`);
    const clock = new FakeClock();
    const accounts = new Accounts({ clock, hostName: () => 'web1', askNss: askGetent([getent]), passwdPath });
    expect(await accounts.find(70_001)).toEqual({ name, domain, username });
  });

  it('runs it with an empty environment', async () => {
    const path = script('echo "u$(/usr/bin/env | /bin/grep -vc "^\\(PWD\\|_\\|SHLVL\\)="):x:5:5:::"');
    expect(await askGetent([path])([5])).toEqual(new Map([[5, 'u0']]));
  });

  it('says so when it fails', async () => {
    await expect(askGetent([script('exit 3')])([5])).rejects.toThrow(/getent passwd 5 failed/);
  });
});
