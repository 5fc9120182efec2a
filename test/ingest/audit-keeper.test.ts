import { describe, expect, it } from 'vitest';
import type { StreamMode } from '../../src/audit/control/session.ts';
import { AuditKeeper } from '../../src/ingest/audit-keeper.ts';
import { FOUND } from '../audit/fake-kernel.ts';
import { unless, whyNotLinux } from '../unless.ts';

const NEIGHBOUR = process.ppid;
const GONE = 0x3fffffff;
const EEXIST = 17;

/** A keeper whose clock, owner and rules the test sets; what it does is in `log`. */
const keeping = (options: { mode?: StreamMode; persist?: boolean; wantsStream?: boolean } = {}) => {
  const world = {
    now: 0,
    pid: options.mode === 'multicast' ? NEIGHBOUR : process.pid,
    persist: options.persist ?? true,
    graceMs: 10_000,
    claimed: 0,
    changes: [] as string[],
    log: [] as string[],
  };
  const session = {
    mode: options.mode ?? 'unicast',
    owner: options.mode === 'multicast' ? { pid: NEIGHBOUR, name: 'auditd', isOurs: false } : undefined,
    async setMode(mode: StreamMode) {
      session.mode = mode;
      world.log.push(mode);
    },
    async check() {
      world.log.push('check');
      return world.changes;
    },
  };
  const keeper = new AuditKeeper({
    control: { getStatus: async () => ({ ...FOUND, pid: world.pid }) },
    session,
    ingest: {
      claim: async () => {
        world.log.push('claim');
        if (world.claimed === 0) world.pid = process.pid;
        return world.claimed;
      },
      share: async ({ release }) => {
        world.log.push(release ? 'release' : 'share');
        if (release) world.pid = 0;
      },
    },
    wantsStream: options.wantsStream ?? true,
    persist: () => world.persist,
    graceMs: () => world.graceMs,
    warn: message => world.log.push(`warn: ${message}`),
    tell: message => world.log.push(`tell: ${message}`),
    now: () => world.now,
  });
  /** Looks every two seconds for so many seconds; what was done. */
  const during = async (seconds: number): Promise<string[]> => {
    const from = world.log.length;
    for (const end = world.now + seconds * 1_000; world.now < end; ) {
      world.now += 2_000;
      await keeper.look();
    }
    return world.log.slice(from).filter(line => line !== 'check');
  };
  return { world, session, keeper, during };
};

describe('AuditKeeper', unless(whyNotLinux), () => {
  it('does nothing while all is well', async () => {
    const { during } = keeping();
    expect(await during(600)).toEqual([]);
  });

  it('leaves the stream to its owner, and takes it some time after that has gone', async () => {
    const { world, during } = keeping({ mode: 'multicast' });
    expect(await during(600)).toEqual([]);
    world.pid = 0;
    expect(await during(10)).toEqual([]);
    expect(await during(4)).toEqual([
      'claim',
      'unicast',
      expect.stringMatching(/^tell: pid \d+ .*has given up/),
    ]);
  });

  it('takes it as soon as the setting says', async () => {
    const { world, during } = keeping({ mode: 'multicast' });
    world.pid = 0;
    world.graceMs = 4_000;
    expect(await during(4)).toEqual([]);
    expect(await during(2)).toContain('claim');
  });

  it('leaves it to an owner that is back in that time: a daemon that was restarted', async () => {
    const { world, during } = keeping({ mode: 'multicast' });
    await during(2);
    for (let restarts = 0; restarts < 5; restarts++) {
      world.pid = restarts % 2 === 0 ? 0 : GONE;
      expect(await during(8)).toEqual([]);
      world.pid = NEIGHBOUR;
      expect(await during(60)).toEqual([]);
    }
  });

  it('never takes it where the multicast copy was asked for', async () => {
    const { world, during } = keeping({ mode: 'multicast', wantsStream: false });
    world.pid = 0;
    expect(await during(600)).toEqual([]);
  });

  describe('another process has taken the stream', () => {
    it('reads the copy, and asks again after ever longer pauses', async () => {
      const { world, during } = keeping();
      world.pid = NEIGHBOUR;
      world.claimed = EEXIST;
      expect((await during(2)).slice(0, 3)).toEqual([
        'share',
        'multicast',
        expect.stringMatching(
          /^warn: pid \d+ \(.+\) has taken the audit socket: reading the multicast copy; claiming it again in 1 s$/,
        ),
      ]);
      // At 1, 3, 7, 15 … 511 s, then every ten minutes.
      const claims = (await during(3_600)).filter(line => line === 'claim');
      expect(claims.length).toBeGreaterThan(12);
      expect(claims.length).toBeLessThan(17);
    });

    it('has it again, and does not fight when it is taken again and again', async () => {
      const { world, during, session } = keeping();
      let claims = 0;
      for (let minute = 0; minute < 60; minute++) {
        if (session.mode === 'unicast') world.pid = NEIGHBOUR;
        claims += (await during(60)).filter(line => line === 'claim').length;
      }
      expect(claims).toBeGreaterThan(5);
      expect(claims).toBeLessThan(16);
    });

    it('says when it is ours again', async () => {
      const { world, during } = keeping();
      world.pid = NEIGHBOUR;
      await during(2);
      expect(await during(2)).toEqual(['claim', 'unicast', 'tell: the audit socket is ours again']);
    });

    it('waits for its end with audit_persist=false', async () => {
      const { world, during } = keeping({ persist: false });
      world.pid = NEIGHBOUR;
      expect(await during(2)).toEqual([
        'share',
        'multicast',
        expect.stringMatching(/it is taken back when .+ ends \(audit_persist=false\)/),
      ]);
      expect(await during(3_600)).toEqual([]);
      world.pid = 0;
      expect(await during(14)).toContain('claim');
    });

    it('asks at once where nobody has it', async () => {
      const { world, during } = keeping({ persist: false });
      world.pid = 0;
      expect(await during(4)).toEqual([
        'share',
        'multicast',
        expect.stringContaining('was taken away'),
        'claim',
        'unicast',
        expect.stringContaining('ours again'),
      ]);
    });
  });

  describe('another process asks for the stream', () => {
    it('is told once a minute', async () => {
      const { world, keeper } = keeping();
      for (let i = 0; i < 100; i++) await keeper.wanted(NEIGHBOUR);
      expect(world.log).toEqual([
        expect.stringMatching(/was refused, because it is ours.*custom_audit_mode=multicast/),
      ]);
      world.now += 60_000;
      await keeper.wanted(GONE);
      expect(world.log).toHaveLength(2);
    });

    it('gets it with audit_persist=false; if it does not take it, it is ours again', async () => {
      const { world, keeper, during } = keeping({ persist: false });
      await keeper.wanted(NEIGHBOUR);
      expect(world.log).toEqual(['release', 'multicast', expect.stringContaining('can have it now')]);
      expect(await during(8)).toEqual([]);
      expect(await during(6)).toEqual(['claim', 'unicast', expect.stringContaining('ours')]);
    });
  });

  describe('rules and settings', () => {
    const checks = (log: readonly string[]): number => log.filter(line => line === 'check').length;

    it('are looked at every half minute, and soon after a record of a change', async () => {
      const { world, keeper, during } = keeping();
      await during(60);
      expect(checks(world.log)).toBe(2);
      keeper.configChanged();
      await keeper.look();
      expect(checks(world.log)).toBe(2);
      world.now += 250;
      await keeper.look();
      expect(checks(world.log)).toBe(3);
    });

    it('are put back after ever longer pauses when somebody takes them away again and again', async () => {
      const { world, keeper } = keeping();
      world.changes = ['rules were removed'];
      for (const end = world.now + 3_600_000; world.now < end; world.now += 50) {
        keeper.configChanged();
        await keeper.look();
      }
      const expected = 3_600 / 30;
      expect(checks(world.log)).toBeLessThan(expected + 10);
      expect(world.log.filter(line => line === 'warn: rules were removed')).toHaveLength(checks(world.log));
    });
  });

  it('does nothing any more when it is closed', async () => {
    const { world, keeper, during } = keeping();
    await keeper.close();
    world.pid = NEIGHBOUR;
    expect(await during(60)).toEqual([]);
  });
});
