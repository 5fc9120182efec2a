import { describe, expect, test } from 'vitest';
import type { RemovedRules } from '../../../src/audit/control/removed-rules.ts';
import { noteIn, ownRule } from '../../../src/audit/control/rules.ts';
import { AuditSession, type SessionOptions } from '../../../src/audit/control/session.ts';
import type { AuditStatus } from '../../../src/audit/control/status.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';
import type { CheckResult } from '../../../src/doctor/check-result.ts';
import { type RepairOptions, repairAudit } from '../../../src/doctor/repair/repair-audit.ts';
import { type FakeKernel, foreignRule, hex, kernel } from '../../audit/fake-kernel.ts';

const DEAD = 4_194_305;
const OPTIONS: SessionOptions = {
  mode: 'auto',
  allowConfig: true,
  forceReconfigure: false,
  forceUnconfigure: false,
  backlogLimit: 8_192,
  backlogWaitTime: 0,
  selection: {
    processEvents: true,
    forkProcessEvents: false,
    killProcessEvents: false,
    sockets: true,
    acceptSocketEvents: true,
    failedSocketEvents: false,
    nullAcceptSocketEvents: false,
    datagrams: false,
  },
};

const keptRules = (): RemovedRules & { readonly kept: Uint8Array[] } => {
  const kept: Uint8Array[] = [];
  return {
    kept,
    load: () => [...kept],
    save: rules => void kept.splice(0, kept.length, ...rules),
    clear: () => void kept.splice(0),
  };
};

/** An instance is killed while it runs. The kernel keeps its pid until it has something to say to it. */
const kill = async (fake: FakeKernel, options: Partial<SessionOptions> = {}): Promise<AuditSession> => {
  const session = await AuditSession.open(fake, nativeArchitectures('x64'), { ...OPTIONS, ...options });
  await session.prepare();
  await session.enable();
  fake.status = { ...fake.status, pid: DEAD };
  fake.log.length = 0;
  return session;
};

const repair = (fake: FakeKernel, options: Partial<RepairOptions> = {}): Promise<readonly CheckResult[]> =>
  repairAudit({
    control: fake,
    removedRules: keptRules(),
    presence: { kind: 'absent' },
    ownerOf: () => undefined,
    ...options,
  });

const changes = (fake: FakeKernel): string[] => fake.log.filter(line => !/^(?:get|list)$/.test(line));
const checks = (results: readonly CheckResult[]): string[] =>
  results.map(({ check, status }) => `${check}: ${status}`);

const befores: readonly (readonly [string, Partial<AuditStatus>])[] = [
  ['off, as after a boot', {}],
  ['on, without a reader', { enabled: 1 }],
  ['as auditd.rules sets it', { enabled: 1, failure: 2, backlogLimit: 320, backlogWaitTime: 60_000 }],
  ['with more room than we ask for', { backlogLimit: 100_000 }],
];

describe('repairAudit', () => {
  test.each(befores)('puts back what a killed instance had found: %s', async (_, status) => {
    const fake = kernel(status, [foreignRule('theirs')]);
    const before = fake.state;
    await kill(fake);
    expect(fake.state).not.toEqual(before);
    const results = await repair(fake);
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(fake.state).toEqual(before);
    // And a second time there is nothing left.
    fake.log.length = 0;
    expect(checks(await repair(fake))).toEqual(['repair: ok']);
    expect(changes(fake)).toEqual([]);
  });

  test('says what it did, line by line', async () => {
    const fake = kernel({}, [foreignRule('theirs')]);
    await kill(fake);
    const pid = process.pid;
    const own = fake.rules.filter(rule => ownRule(rule) !== undefined).length;
    const results = await repair(fake);
    expect(results.map(({ check, found }) => `${check}: ${found}`)).toEqual([
      `our rules: ${own - 1} rules with the key osquery-audit-events removed`,
      'audit enabled: 0 again, as it was found',
      `audit owner: nobody: pid ${DEAD}, which was entered there, has ended`,
      `audit backlog_limit: 64 again, as it was found; pid ${pid} had set 8192`,
      `audit backlog_wait_time: 15000 again, as it was found; pid ${pid} had set 0`,
      `audit failure: 1 again, as it was found; pid ${pid} had set 0`,
      `our rules: the rule in which pid ${pid} had noted what it found is removed`,
      'repair: now enabled 0, failure 1, backlog_limit 64, backlog_wait_time 15000, no owner, no rule of ours, 1 rule of others',
    ]);
  });

  test('puts back the rules of others that audit_force_reconfigure took away', async () => {
    const removedRules = keptRules();
    const fake = kernel({}, [foreignRule('first'), foreignRule('second')]);
    const before = fake.state;
    await kill(fake, { forceReconfigure: true, removedRules });
    expect(removedRules.kept).toHaveLength(2);
    const results = await repair(fake, { removedRules });
    expect(results).toContainEqual({
      check: 'rules of others',
      status: 'ok',
      found: '2 rules put back',
      fix: null,
    });
    expect(fake.state).toEqual(before);
    expect(removedRules.kept).toEqual([]);
  });

  test('leaves what somebody else has changed since, and says so', async () => {
    const fake = kernel();
    await kill(fake);
    fake.status = { ...fake.status, backlogLimit: 9_999 };
    fake.rules.push(foreignRule('new'));
    const results = await repair(fake);
    expect(fake.state).toEqual({
      ...kernel({ backlogLimit: 9_999 }).state,
      rules: [hex(foreignRule('new'))],
    });
    expect(results.find(({ check }) => check === 'audit backlog_limit')).toMatchObject({
      status: 'ok',
      found: `stays 9999: it was changed after pid ${process.pid} set 8192; before that it was 64`,
    });
  });

  test('where the note is gone removes our rules, and says what it does not know', async () => {
    const fake = kernel({ failure: 2 }, [foreignRule('theirs')]);
    await kill(fake);
    fake.rules = fake.rules.filter(rule => noteIn(rule) === undefined);
    const removedRules = keptRules();
    removedRules.save([foreignRule('away')]);
    const results = await repair(fake, { removedRules });
    expect(fake.state.rules).toEqual([hex(foreignRule('theirs'))]);
    expect(removedRules.kept).toHaveLength(1);
    expect(fake.status).toMatchObject({ enabled: 1, failure: 0, backlogLimit: 8_192, pid: 0 });
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([
      {
        check: 'audit settings',
        status: 'unknown',
        found:
          'enabled 1, failure 0, backlog_limit 8192, backlog_wait_time 0 stay: the rule that noted their earlier values is gone',
        fix: expect.stringContaining('auditctl -e 0 -f 1 -b 64 --backlog_wait_time 15000'),
      },
      {
        check: 'rules of others',
        status: 'unknown',
        found: expect.stringMatching(/^1 rule that an instance took away/),
        fix: expect.stringContaining('augenrules --load'),
      },
    ]);
  });

  test.each<readonly [string, Partial<RepairOptions>, Partial<AuditStatus>, string]>([
    ['an instance is running', { presence: { kind: 'present', pid: 77 } }, {}, 'running, pid 77'],
    [
      'an instance has the stream',
      { ownerOf: pid => ({ pid, name: 'osquery-audit-e', isOurs: true }) },
      { pid: 88 },
      'running, pid 88',
    ],
    [
      'another process has the stream',
      { ownerOf: pid => ({ pid, name: 'auditd', isOurs: false }) },
      { pid: 99 },
      'belongs to auditd, pid 99',
    ],
    ['processes cannot be seen', { presence: { kind: 'unknown' } }, {}, 'cannot be seen'],
    ['audit is locked', {}, { enabled: 2 }, 'locked until the next boot'],
  ])('refuses where %s, and touches nothing', async (_, options, status, why) => {
    const fake = kernel();
    await kill(fake);
    fake.status = { ...fake.status, ...status };
    const before = fake.state;
    const results = await repair(fake, options);
    expect(results).toEqual([
      {
        check: 'repair',
        status: 'problem',
        found: expect.stringMatching(`^refused: .*${why}`),
        fix: expect.any(String),
      },
    ]);
    expect(changes(fake)).toEqual([]);
    expect(fake.state).toEqual(before);
  });

  test('has nothing to do on a kernel without a trace of us', async () => {
    const fake = kernel({ enabled: 1 }, [foreignRule('theirs')]);
    const before = fake.state;
    expect(await repair(fake)).toMatchObject([
      { check: 'repair', status: 'ok', found: expect.stringContaining('nothing to do') },
    ]);
    expect(changes(fake)).toEqual([]);
    expect(fake.state).toEqual(before);
  });

  test('does the rest where one thing fails, says which, and can be run again', async () => {
    const fake = kernel();
    const before = fake.state;
    await kill(fake);
    fake.failing = 'set {"failure"';
    const results = await repair(fake);
    expect(results.filter(({ status }) => status === 'problem')).toMatchObject([
      { check: 'audit failure', found: expect.stringContaining('set {"failure":1} failed') },
      {
        check: 'repair',
        found: 'failure is 0 instead of 1, 1 rule of ours is still there',
      },
    ]);
    expect(fake.status).toMatchObject({ ...before.status, failure: 0 });
    fake.failing = undefined;
    expect((await repair(fake)).filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(fake.state).toEqual(before);
  });

  /** Everything from here on fails: the process is no more. */
  const dieAfter = (fake: FakeKernel, exchanges: number): void => {
    let left = exchanges;
    fake.log.push = () => {
      if (left-- <= 0) throw new Error('killed');
      return 0;
    };
  };
  const live = (fake: FakeKernel): void => {
    fake.log.push = Array.prototype.push;
  };

  test.each(['the end of an instance', 'a repair'])(
    'knows the way back after a kill at any moment of %s',
    async what => {
      for (let exchanges = 0; ; exchanges++) {
        const fake = kernel({ failure: 2 }, [foreignRule('theirs')]);
        const before = fake.state;
        const session = await kill(fake);
        dieAfter(fake, exchanges);
        const end = what === 'a repair' ? repair(fake) : session.restore();
        const died = await end.then(
          results => results?.some(({ status }) => status !== 'ok') ?? false,
          () => true,
        );
        live(fake);
        const results = await repair(fake);
        expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
        expect(fake.state).toEqual(before);
        if (!died) {
          expect(exchanges).toBeGreaterThan(10);
          return;
        }
      }
    },
  );
});
