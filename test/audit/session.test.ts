import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditControl } from '../../src/audit/control.ts';
import { exclusions, isExclusion } from '../../src/audit/exclusions.ts';
import { type AuditRule, encodeRule, keyWithFound, rulesFor } from '../../src/audit/rules.ts';
import { AuditSession, PROCESS_TITLE, type SessionOptions } from '../../src/audit/session.ts';
import type { AuditStatus } from '../../src/audit/status.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';

const ARCHITECTURES = nativeArchitectures('x64');
const FOUND: AuditStatus = {
  enabled: 0,
  failure: 1,
  pid: 0,
  rateLimit: 0,
  backlogLimit: 64,
  lost: 3,
  backlog: 0,
  featureBitmap: 0x7f,
  backlogWaitTime: 15_000,
};
const SELECTION = {
  processEvents: true,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: false,
  acceptSocketEvents: true,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
};
const OPTIONS: SessionOptions = {
  mode: 'auto',
  allowConfig: true,
  forceReconfigure: false,
  forceUnconfigure: false,
  backlogLimit: 8_192,
  backlogWaitTime: 0,
  selection: SELECTION,
};
const foreignRule = (key: string): Uint8Array =>
  encodeRule({ action: 'always', prepend: false, syscalls: [257], fields: [], key });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** As the kernel lists it. */
const encodeListed = (rule: AuditRule): Uint8Array => encodeRule({ ...rule, prepend: false });

/** Status and rules as the kernel keeps them. Each exchange takes a turn of the event loop, as over a socket. */
class FakeKernel implements AuditControl {
  status: AuditStatus = FOUND;
  rules: Uint8Array[] = [];
  readonly log: string[] = [];
  readonly deleted: string[] = [];
  /** Operations that fail, by the beginning of their log line. */
  failing: string | undefined;

  async #exchange(line: string): Promise<void> {
    await Promise.resolve();
    this.log.push(line);
    if (this.failing !== undefined && line.startsWith(this.failing)) throw new Error(`${line} failed`);
  }

  async getStatus() {
    await this.#exchange('get');
    return this.status;
  }
  async setStatus(change: Parameters<AuditControl['setStatus']>[0]) {
    await this.#exchange(`set ${JSON.stringify(change)}`);
    this.status = { ...this.status, ...change };
  }
  async addRule(rule: Parameters<AuditControl['addRule']>[0]) {
    return this.addListedRule(encodeListed(rule), rule.prepend);
  }
  async addListedRule(bytes: Uint8Array, prepend = false) {
    await this.#exchange('add');
    // The kernel compares the flag too, and then forgets it.
    if (!prepend && this.rules.some(rule => hex(rule) === hex(bytes))) return false;
    if (prepend) this.rules.unshift(bytes);
    else this.rules.push(bytes);
    return true;
  }
  async deleteRule(bytes: Uint8Array) {
    await this.#exchange('delete');
    const before = this.rules.length;
    this.rules = this.rules.filter(rule => hex(rule) !== hex(bytes));
    if (this.rules.length < before) this.deleted.push(hex(bytes));
    return this.rules.length < before;
  }
  async listRules() {
    await this.#exchange('list');
    return [...this.rules];
  }
  close() {}

  /** What a session must leave as it was. */
  get state() {
    return { status: this.status, rules: this.rules.map(hex) };
  }
}

const kernel = (status: Partial<AuditStatus> = {}, rules: readonly Uint8Array[] = []): FakeKernel => {
  const fake = new FakeKernel();
  fake.status = { ...FOUND, ...status };
  fake.rules = [...rules];
  return fake;
};
const open = (fake: FakeKernel, options: Partial<SessionOptions> = {}): Promise<AuditSession> =>
  AuditSession.open(fake, ARCHITECTURES, { ...OPTIONS, ...options });
/** As the stream does by its own socket. */
const own = (fake: FakeKernel): void => {
  fake.status = { ...fake.status, pid: process.pid };
};
const ownRules = (selection = SELECTION): string[] =>
  [
    ...rulesFor(selection, ARCHITECTURES, process.pid, keyWithFound(FOUND)).map(encodeListed),
    ...exclusions([]),
  ].map(hex);

describe('AuditSession', () => {
  it('makes audit safe before it is switched on, and puts its rules in', async () => {
    const fake = kernel();
    const session = await open(fake);
    expect(session).toMatchObject({ mode: 'unicast', warnings: [], found: FOUND });
    await session.prepare();
    expect(fake.log.slice(0, 7)).toEqual([
      'get',
      // What a killed instance left, and what is there …
      'list',
      'list',
      // … and a note for the one after us, before anything changes.
      'add',
      'set {"failure":0}',
      'set {"backlogWaitTime":0}',
      'set {"backlogLimit":8192}',
    ]);
    expect(fake.state).toEqual({
      status: { ...FOUND, failure: 0, backlogWaitTime: 0, backlogLimit: 8_192 },
      rules: ownRules(),
    });
    await session.enable();
    expect(fake.status.enabled).toBe(1);
  });

  it('does not switch on what is on', async () => {
    const fake = kernel({ enabled: 1 });
    const session = await open(fake);
    await session.prepare();
    await session.enable();
    expect(fake.log).not.toContain('set {"enabled":1}');
  });

  describe('leaves audit as it was found', () => {
    it.each<[string, Partial<AuditStatus>, Partial<SessionOptions>]>([
      ['disabled', { enabled: 0 }, {}],
      ['enabled', { enabled: 1, failure: 2, backlogLimit: 8_192, backlogWaitTime: 60_000 }, {}],
      ['with all rules replaced', { enabled: 1 }, { forceReconfigure: true }],
      ['with rules forced out', { enabled: 1 }, { forceUnconfigure: true }],
      ['locked', { enabled: 2 }, {}],
      ['not to be changed', { enabled: 1 }, { allowConfig: false }],
      ['shared', { enabled: 1, pid: process.ppid }, { mode: 'multicast' }],
    ])('%s', async (_, status, options) => {
      const fake = kernel(status, [foreignRule('first'), foreignRule('second')]);
      const before = fake.state;
      const session = await open(fake, options);
      await session.prepare();
      if (session.mode === 'unicast') own(fake);
      await session.enable();
      await session.select({ ...SELECTION, sockets: true });
      await session.restore();
      expect(fake.state).toEqual(before);
    });

    it('at whatever step it stops', async () => {
      for (const steps of [0, 1, 2, 3]) {
        const fake = kernel({}, [foreignRule('other')]);
        const before = fake.state;
        const session = await open(fake);
        if (steps > 0) await session.prepare();
        if (steps > 1) own(fake);
        if (steps > 2) await session.enable();
        await session.restore();
        expect(fake.state).toEqual(before);
      }
    });

    it('when it stops in the middle of a step, and does not take another', async () => {
      const fake = kernel({}, [foreignRule('other')]);
      const before = fake.state;
      const session = await open(fake, { forceReconfigure: true });
      const steps = [session.prepare(), session.enable(), session.select({ ...SELECTION, sockets: true })];
      await Promise.resolve();
      await session.restore();
      await Promise.all(steps);
      await session.prepare();
      await session.enable();
      await session.select(SELECTION);
      expect(fake.state).toEqual(before);
    });

    it('once, however often it is asked to', async () => {
      const fake = kernel();
      const session = await open(fake);
      await session.prepare();
      await Promise.all([session.restore(), session.restore()]);
      const after = fake.log.length;
      await session.restore();
      expect(fake.log).toHaveLength(after);
      expect(fake.state).toEqual(kernel().state);
    });

    it('with the rules that a killed instance left kept as long as they serve, then taken away', async () => {
      const other = foreignRule('other');
      const left = rulesFor({ ...SELECTION, killProcessEvents: true }, ARCHITECTURES, 4242).map(encodeListed);
      const wanted = rulesFor(SELECTION, ARCHITECTURES, 4242).map(encodeListed).slice(1);
      const fake = kernel({}, [...left, ...wanted, other]);
      const session = await open(fake);
      await session.prepare();
      const [own, ...rest] = ownRules();
      const added = rest.slice(wanted.length);
      expect(fake.state.rules).toEqual([own, ...wanted.map(hex), hex(other), ...added]);
      // At no time was there none: what happened meanwhile has a serial.
      expect(fake.deleted).toEqual(left.map(hex));
      await session.restore();
      expect(fake.state.rules).toEqual([hex(other)]);
    });

    it('by the killed instance, which had changed it', async () => {
      const fake = kernel({ lost: 7 }, [foreignRule('other')]);
      const before = fake.state;
      const killed = await open(fake);
      await killed.prepare();
      own(fake);
      await killed.enable();
      fake.status = { ...fake.status, pid: 0, lost: 9 };
      expect(fake.status).toMatchObject({ enabled: 1, failure: 0, backlogLimit: 8_192 });

      const session = await open(fake);
      expect(session.found).toEqual({ ...before.status, lost: 9 });
      await session.prepare();
      own(fake);
      await session.enable();
      await session.restore();
      expect(fake.state).toEqual({ ...before, status: { ...before.status, lost: 9 } });
    });

    it('now, if somebody has taken the stream since an instance was killed', async () => {
      const fake = kernel();
      await (await open(fake)).prepare();
      fake.status = { ...fake.status, enabled: 1, pid: process.ppid };
      const before = fake.status;
      const session = await open(fake);
      await session.prepare();
      await session.restore();
      expect(fake.status).toEqual(before);
    });

    it('as far as it goes when something fails, and says what', async () => {
      const fake = kernel({ enabled: 1 }, [foreignRule('other')]);
      const before = fake.state;
      const session = await open(fake);
      await session.prepare();
      own(fake);
      fake.failing = 'set {"enabled"';
      await expect(session.restore()).rejects.toThrow('set {"enabled":1} failed');
      expect(fake.state).toEqual(before);
    });

    it('also after a change of rules that failed', async () => {
      const fake = kernel();
      const session = await open(fake);
      await session.prepare();
      fake.failing = 'list';
      await expect(session.select({ ...SELECTION, sockets: true })).rejects.toThrow('list failed');
      fake.failing = undefined;
      await session.restore();
      expect(fake.state).toEqual(kernel().state);
    });
  });

  it('keeps the stream of somebody who took it meanwhile', async () => {
    const fake = kernel();
    const session = await open(fake);
    await session.prepare();
    fake.status = { ...fake.status, pid: process.ppid };
    await session.restore();
    expect(fake.status.pid).toBe(process.ppid);
  });

  describe('keeps records that nobody reads from being made', () => {
    const excluded = (fake: FakeKernel): Uint8Array[] => fake.rules.filter(isExclusion);

    it('where the stream is its own', async () => {
      const fake = kernel();
      await (await open(fake)).prepare();
      expect(excluded(fake)).toHaveLength(2);
    });

    it('not where others read them too', async () => {
      const fake = kernel({ enabled: 1, pid: process.ppid });
      const session = await open(fake, { mode: 'multicast' });
      await session.prepare();
      await session.select({ ...SELECTION, sockets: true });
      expect(excluded(fake)).toEqual([]);
    });

    it('not on a kernel that cannot tell whose such a rule is', async () => {
      const fake = kernel({ featureBitmap: 0x07 });
      const session = await open(fake);
      await session.prepare();
      await session.select({ ...SELECTION, sockets: true });
      expect(excluded(fake)).toEqual([]);
    });

    it('not where they are all that ends an event', async () => {
      const [proctitle] = exclusions([]);
      const withoutEoe = Buffer.from(proctitle!);
      withoutEoe.writeUInt32LE(1320, (3 + 64 + 64) * 4);
      withoutEoe.writeUInt32LE(0, (3 + 64 + 64 + 1) * 4);
      const fake = kernel({}, [withoutEoe]);
      await (await open(fake)).prepare();
      expect(excluded(fake)).toEqual([]);
    });
  });

  it('replaces its rules by those of another selection', async () => {
    const fake = kernel({}, [foreignRule('other')]);
    const session = await open(fake);
    await session.prepare();
    await session.select({ ...SELECTION, sockets: true });
    expect(fake.rules.length).toBe(1 + ownRules({ ...SELECTION, sockets: true }).length);
    await session.select({ ...SELECTION, processEvents: false });
    expect(fake.state.rules.filter(rule => rule !== hex(foreignRule('other')))).toEqual(
      ownRules({ ...SELECTION, processEvents: false }),
    );
  });

  it('changes nothing that may not be changed, and says what will be missing', async () => {
    for (const [status, options, warning] of [
      [{ enabled: 2 }, {}, /locked until the next boot/],
      [
        { enabled: 1 },
        { allowConfig: false },
        /only events of the rules that are there.*--audit_allow_config=true/,
      ],
      [{ enabled: 0 }, { allowConfig: false }, /no events: set --audit_allow_config=true/],
    ] as const) {
      const fake = kernel(status);
      const session = await open(fake, options);
      expect(session.warnings).toHaveLength(1);
      expect(session.warnings[0]).toMatch(warning);
      await session.prepare();
      await session.enable();
      await session.select({ ...SELECTION, sockets: true });
      expect(fake.log).toEqual(['get']);
    }
  });

  describe.skipIf(process.platform !== 'linux')('when the stream has an owner', () => {
    const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();

    it('shares it', async () => {
      const session = await open(kernel({ enabled: 1, pid: process.ppid }));
      expect(session.mode).toBe('multicast');
      expect(session.warnings).toHaveLength(1);
      expect(session.warnings[0]).toContain(`pid ${process.ppid} (${nameOf(process.ppid)})`);
    });

    it('refuses where it must be alone, naming the owner and the way out', async () => {
      await expect(open(kernel({ pid: process.ppid }), { mode: 'unicast' })).rejects.toMatchObject({
        code: 'owned',
        message: expect.stringMatching(
          new RegExp(`pid ${process.ppid} \\(.*\\): stop it, or set custom_audit_mode to auto or multicast`),
        ),
      });
    });

    it('says nothing where the copy was asked for', async () => {
      const session = await open(kernel({ enabled: 1, pid: process.ppid }), { mode: 'multicast' });
      expect(session).toMatchObject({ mode: 'multicast', warnings: [] });
    });

    it('takes it from a process that is gone, and from itself', async () => {
      expect(await open(kernel({ pid: 0x3fffffff }))).toMatchObject({ mode: 'unicast', warnings: [] });
      expect(await open(kernel({ pid: process.pid }))).toMatchObject({ mode: 'unicast', warnings: [] });
    });

    it('never shares with another of ours: rules and tables would be two', async () => {
      const directory = mkdtempSync(`${tmpdir()}/session-`);
      symlinkSync('/bin/sleep', `${directory}/${PROCESS_TITLE}`);
      const child = spawn(`${directory}/${PROCESS_TITLE}`, ['60'], { stdio: 'ignore' });
      onTestFinished(async () => {
        child.kill();
        await once(child, 'exit');
        rmSync(directory, { recursive: true });
      });
      await once(child, 'spawn');
      await expect(open(kernel({ pid: child.pid! }))).rejects.toMatchObject({
        code: 'owned',
        message: expect.stringContaining(`pid ${child.pid}, another ${PROCESS_TITLE}`),
      });
    });
  });
});
