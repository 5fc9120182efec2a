import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exclusions, isExclusion } from '../../../src/audit/control/exclusions.ts';
import type { RemovedRules } from '../../../src/audit/control/removed-rules.ts';
import {
  encodeRule,
  keyWithNote,
  type PlacedStatus,
  rulesFor,
  ruleTexts,
  type Watch,
} from '../../../src/audit/control/rules.ts';
import { AuditSession, type SessionOptions } from '../../../src/audit/control/session.ts';
import type { AuditStatus } from '../../../src/audit/control/status.ts';
import { AuditError } from '../../../src/audit/errors.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';
import { PROGRAM } from '../../../src/runtime/program-name.ts';
import { listedRule } from '../../doctor/facts.ts';
import { unless, whyNotLinux } from '../../unless.ts';
import { encodeListed, type FakeKernel, FOUND, foreignRule, hex, kernel } from '../fake-kernel.ts';

const ARCHITECTURES = nativeArchitectures('x64');
const SELECTION = {
  processEvents: true,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: false,
  acceptSocketEvents: true,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
  datagrams: false,
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
const open = (fake: FakeKernel, options: Partial<SessionOptions> = {}): Promise<AuditSession> =>
  AuditSession.open(fake, ARCHITECTURES, { ...OPTIONS, ...options });
/** As the stream does by its own socket. */
const own = (fake: FakeKernel): void => {
  fake.status = { ...fake.status, pid: process.pid };
};
const PLACED: PlacedStatus = { failure: 0, backlogLimit: 8_192, backlogWaitTime: 0 };
const ownRules = (selection = SELECTION, note = { found: FOUND, owner: 0, placed: PLACED }): string[] =>
  [
    ...rulesFor(selection, ARCHITECTURES, process.pid, keyWithNote(note)).map(encodeListed),
    ...exclusions([]),
  ].map(hex);

const AUDIT_DIR = 107;
/** `-a always,exit -F dir=PATH -k theirs` */
const listedWatch = (path: string): Uint8Array =>
  encodeRule({
    action: 'always',
    prepend: false,
    syscalls: [87],
    fields: [[AUDIT_DIR, path]],
    key: 'theirs',
  });

describe('AuditSession', () => {
  it('makes audit safe before it is switched on, and puts its rules in', async () => {
    const fake = kernel();
    const session = await open(fake);
    expect(session).toMatchObject({ mode: 'unicast', warnings: [], found: { ...FOUND } });
    await session.prepare();
    expect(fake.log.slice(0, 8)).toEqual([
      // What a killed instance left, and what is there …
      'get',
      'list',
      'get',
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
      expect(session.warnings).toEqual([
        expect.stringMatching(/has ended and left its rules .* doctor --repair restores it/),
      ]);
      const { enabled, failure, backlogLimit, backlogWaitTime } = before.status;
      expect(session.found).toEqual({ enabled, failure, backlogLimit, backlogWaitTime, lost: 9 });
      await session.prepare();
      own(fake);
      await session.enable();
      await session.restore();
      expect(fake.state).toEqual({ ...before, status: { ...before.status, lost: 9 } });
    });

    it('by the killed instance, but not switched off, if somebody has taken the stream since', async () => {
      const fake = kernel();
      await (await open(fake)).prepare();
      fake.status = { ...fake.status, enabled: 1, pid: process.ppid };
      const session = await open(fake);
      await session.prepare();
      await session.restore();
      expect(fake.state).toEqual({ rules: [], status: { ...FOUND, enabled: 1, pid: process.ppid } });
    });

    it.each<[string, Partial<AuditStatus>]>([
      ['limit', { backlogLimit: 9_999 }],
      ['waiting time', { backlogWaitTime: 60_000 }],
      ['failure', { failure: 2 }],
      ['switch', { enabled: 0 }],
    ])('with the %s that somebody else has set after a kill', async (_, change) => {
      const fake = kernel({ enabled: 1 });
      const killed = await open(fake);
      await killed.prepare();
      await killed.enable();
      fake.status = { ...fake.status, ...change };
      const session = await open(fake);
      await session.prepare();
      await session.enable();
      await session.restore();
      expect(fake.state).toEqual({ rules: [], status: { ...FOUND, enabled: 1, ...change } });
    });

    it('with the rules that a killed instance had removed', async () => {
      const kept: Uint8Array[] = [];
      const removedRules: RemovedRules = {
        load: () => [...kept],
        save: rules => void kept.splice(0, kept.length, ...rules),
        clear: () => void kept.splice(0),
      };
      for (const forceReconfigure of [true, false]) {
        const fake = kernel({}, [foreignRule('first'), foreignRule('second')]);
        const before = fake.state;
        await (await open(fake, { forceReconfigure: true, removedRules })).prepare();
        expect(fake.state.rules).not.toContain(before.rules[0]);
        const session = await open(fake, { forceReconfigure, removedRules });
        await session.prepare();
        expect(fake.state.rules.includes(before.rules[0]!)).toBe(!forceReconfigure);
        await session.restore();
        expect(fake.state).toEqual(before);
        expect(kept).toEqual([]);
      }
    });

    it('as far as it goes when something fails, and says what', async () => {
      const fake = kernel({}, [foreignRule('other')]);
      const before = fake.state;
      const session = await open(fake);
      await session.prepare();
      own(fake);
      fake.failing = 'set {"backlogLimit"';
      await expect(session.restore()).rejects.toThrow('set {"backlogLimit":64} failed');
      fake.status = { ...fake.status, backlogLimit: 64 };
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

  it('goes without the rule for io_uring on a kernel that has no list for it', async () => {
    const fake = kernel();
    fake.knowsUring = false;
    const selection = { ...SELECTION, sockets: true };
    const session = await open(fake, { selection });
    await session.prepare();
    own(fake);
    await session.enable();
    const listed = rulesFor(
      selection,
      ARCHITECTURES,
      process.pid,
      keyWithNote({ found: FOUND, owner: 0, placed: PLACED }),
    );
    const known = listed
      .filter(({ list }) => list === undefined)
      .map(encodeListed)
      .map(hex);
    expect(known.length).toBe(listed.length - 1);
    expect(fake.rules.map(hex)).toEqual([...known, ...exclusions([]).map(hex)]);
    expect(await session.check()).toEqual([]);
    await session.restore();
    expect(fake.rules).toEqual([]);
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

  describe('rules that watch files', () => {
    const directories = (...paths: string[]): readonly Watch[] =>
      paths.map(path => ({ kind: 'directory', path }));
    const watching = (...paths: string[]) => ({ ...SELECTION, watches: directories(...paths) });
    const has = (fake: FakeKernel, path: string): boolean =>
      fake.rules.some(rule => ruleTexts(rule).some(([, text]) => text === path));

    it('are those of one directory, to which the others are equivalent', async () => {
      const fake = kernel();
      const session = await open(fake, { selection: watching('/etc', '/usr') });
      await session.prepare();
      expect(fake.equivalents).toEqual(['/proc/driver /etc', '/proc/driver /usr']);
      expect(has(fake, '/etc')).toBe(false);
      // Nothing is asked again where nothing has changed.
      await session.check();
      expect(fake.equivalents).toHaveLength(2);
      await session.restore();
      expect(fake.state).toEqual({ status: FOUND, rules: [] });
    });

    it('are put in place for another choice before those for the last one go', async () => {
      const fake = kernel();
      const session = await open(fake, { selection: watching('/etc', '/usr') });
      await session.prepare();
      fake.equivalents.length = 0;
      await session.select(watching('/etc', '/opt'));
      expect(fake.equivalents).toEqual(['/proc/fs /etc', '/proc/fs /opt']);
      expect(has(fake, '/proc/driver')).toBe(false);
      await session.select(watching('/etc'));
      expect([has(fake, '/etc'), has(fake, '/proc/fs')]).toEqual([true, false]);
    });

    it('come back, with all directories, where somebody has removed them', async () => {
      const fake = kernel();
      const session = await open(fake, { selection: watching('/etc', '/usr') });
      await session.prepare();
      fake.rules = [];
      fake.equivalents.length = 0;
      await session.check();
      expect(fake.equivalents).toHaveLength(2);
    });

    it('are separate ones where somebody watches the directory for all, and where there is none', async () => {
      const theirs = listedWatch('/proc');
      const fake = kernel({}, [theirs]);
      await (await open(fake, { selection: watching('/etc', '/usr') })).prepare();
      expect([has(fake, '/etc'), has(fake, '/usr'), fake.equivalents]).toEqual([true, true, []]);

      const bare = kernel();
      bare.refuses = rule => ruleTexts(rule).some(([, text]) => text.startsWith('/proc/'));
      const session = await open(bare, { selection: watching('/etc', '/usr') });
      await session.prepare();
      expect([has(bare, '/etc'), has(bare, '/usr'), session.refusedWatches]).toEqual([true, true, undefined]);
    });

    it('that are refused are counted, not asked for again, and the others hold', async () => {
      const fake = kernel();
      fake.refuses = rule => ruleTexts(rule).some(([, text]) => text === '/refused');
      const single: readonly Watch[] = ['/refused', '/fine'].map(path => ({ kind: 'path', path }));
      const session = await open(fake, { selection: { ...SELECTION, watches: single } });
      await session.prepare();
      expect(has(fake, '/fine')).toBe(true);
      expect(session.refusedWatches).toEqual({ count: expect.any(Number), why: 'ENOSPC' });
      const asked = fake.log.filter(line => line === 'add').length;
      await session.check();
      expect(fake.log.filter(line => line === 'add')).toHaveLength(asked);
      await session.select({ ...SELECTION, watches: [] });
      expect(session.refusedWatches).toBeUndefined();
    });

    it('name a directory that cannot be watched, and watch the others', async () => {
      const fake = kernel();
      const makeEquivalent = fake.makeEquivalent.bind(fake);
      fake.makeEquivalent = async (directory, other) => {
        if (other === '/gone') throw new AuditError('refused', 'ENOENT', { errno: 2 });
        await makeEquivalent(directory, other);
      };
      const session = await open(fake, { selection: watching('/gone', '/usr') });
      await session.prepare();
      expect(fake.equivalents).toEqual(['/proc/driver /usr']);
      expect(session.refusedWatches).toEqual({ count: 1, why: 'ENOENT' });
    });
  });

  describe('programs that are left out', () => {
    const selection = { ...SELECTION, excludeExes: ['/opt/b', '/usr/bin/a'] };
    const exesIn = ({ rules }: FakeKernel): string[] =>
      [...new Set(rules.flatMap(ruleTexts).flatMap(([field, text]) => (field === 112 ? [text] : [])))].sort();

    it('have rules while the stream is ours alone', async () => {
      const fake = kernel({}, [foreignRule('other')]);
      const before = fake.state;
      const session = await open(fake, { selection });
      await session.prepare();
      expect(exesIn(fake)).toEqual(selection.excludeExes);
      await session.setMode('multicast');
      expect(exesIn(fake)).toEqual([]);
      await session.setMode('unicast');
      await session.select({ ...selection, excludeExes: ['/opt/b'] });
      expect(exesIn(fake)).toEqual(['/opt/b']);
      await session.restore();
      expect(fake.state).toEqual(before);
    });

    it('have none that the kernel refuses, and it is not asked again', async () => {
      const fake = kernel();
      fake.refuses = rule => ruleTexts(rule).some(([, text]) => text === '/opt/b');
      const session = await open(fake, { selection });
      await session.prepare();
      expect(exesIn(fake)).toEqual(['/usr/bin/a']);
      expect(session.refusedWatches).toBeUndefined();
      const asked = fake.log.filter(line => line === 'add').length;
      expect(await session.check()).toEqual([]);
      expect(fake.log.filter(line => line === 'add')).toHaveLength(asked);
    });

    it('come back without a word where the kernel has removed them with a directory', async () => {
      const fake = kernel();
      const session = await open(fake, { selection });
      await session.prepare();
      fake.rules = fake.rules.filter(rule => !ruleTexts(rule).some(([, text]) => text === '/opt/b'));
      expect(await session.check()).toEqual([]);
      expect(exesIn(fake)).toHaveLength(2);
    });
  });

  describe('what others do meanwhile', () => {
    const running = async (options: Partial<SessionOptions> = {}, status: Partial<AuditStatus> = {}) => {
      const fake = kernel(status, [foreignRule('other')]);
      const session = await open(fake, options);
      await session.prepare();
      if (session.mode === 'unicast') own(fake);
      await session.enable();
      return { fake, session };
    };

    it('is nothing, where nobody does anything', async () => {
      const { fake, session } = await running();
      const before = fake.state;
      const after = fake.log.length;
      expect(await session.check()).toEqual([]);
      expect(fake.state).toEqual(before);
      // Also no rule that is there: of each that is refused the kernel makes a record, which calls for the next check.
      expect(new Set(fake.log.slice(after))).toEqual(new Set(['get', 'list']));
    });

    it('to all rules: ours come back, the note first', async () => {
      const { fake, session } = await running();
      fake.rules = [];
      expect(await session.check()).toEqual([
        expect.stringMatching(/^5 of our audit rules were removed by another program.*in place again/),
      ]);
      expect(fake.state.rules).toEqual(ownRules());
      expect(await session.check()).toEqual([]);
      await session.restore();
      expect(fake.state).toEqual({ rules: [], status: FOUND });
    });

    it('to one rule', async () => {
      const { fake, session } = await running();
      const [note, other, execs, ...rest] = fake.rules;
      fake.rules = [note!, other!, ...rest];
      expect(await session.check()).toEqual([expect.stringMatching(/^1 of our audit rules/)]);
      expect(fake.state.rules).toContain(hex(execs!));
    });

    it('to the status: ours is in force again, theirs at the end', async () => {
      const { fake, session } = await running();
      fake.status = { ...fake.status, enabled: 0, failure: 2, backlogWaitTime: 60_000, backlogLimit: 320 };
      expect(await session.check()).toEqual([
        expect.stringMatching(/switched off by another program: it is on again/),
        expect.stringMatching(/\(failure\) was set to 2 .* it is 0 again, and will be 2 at the end/),
        expect.stringMatching(/\(backlog_wait_time\) was set to 60000 .* it is 0 again/),
        expect.stringMatching(/\(backlog_limit\) was set to 320 .* it is 8192 again/),
      ]);
      expect(fake.status).toMatchObject({ enabled: 1, ...PLACED });
      expect(await session.check()).toEqual([]);
      await session.restore();
      const theirs = { enabled: 0, failure: 2, backlogWaitTime: 60_000, backlogLimit: 320 };
      expect(fake.status).toEqual({ ...FOUND, ...theirs });
    });

    it('to the status, where this process may change nothing, is told and left', async () => {
      const { fake, session } = await running({ allowConfig: false }, { enabled: 1 });
      fake.rules = [];
      fake.status = { ...fake.status, enabled: 0 };
      const { log } = fake;
      const after = log.length;
      expect(await session.check()).toEqual([
        expect.stringMatching(/^1 of the audit rules were removed.*--audit_allow_config=true/),
        expect.stringMatching(/switched off by another program, and may not be changed/),
      ]);
      expect(await session.check()).toEqual([]);
      expect(new Set(log.slice(after))).toEqual(new Set(['get', 'list']));
    });

    it('a lock until the next boot: is told once, and everything stays', async () => {
      const { fake, session } = await running();
      const { rules } = fake.state;
      fake.status = { ...fake.status, enabled: 2 };
      expect(await session.check()).toEqual([expect.stringMatching(/locked audit until the next boot/)]);
      expect(await session.check()).toEqual([]);
      await session.select({ ...SELECTION, sockets: true });
      await session.setMode('multicast');
      await session.restore();
      expect(fake.state).toEqual({ rules, status: { ...FOUND, ...PLACED, enabled: 2, pid: 0 } });
    });

    it('"-a never,task" is told with what it means, each time it comes', async () => {
      const neverTask = listedRule({ list: 1, action: 0 });
      expect((await open(kernel({}, [neverTask]))).warnings).toEqual([expect.stringMatching(/never,task/)]);
      const { fake, session } = await running();
      for (const _ of [1, 2]) {
        fake.rules.push(neverTask);
        expect(await session.check()).toEqual([
          expect.stringMatching(/"-a never,task".*a process that starts while it exists never has process/),
        ]);
        expect(await session.check()).toEqual([]);
        fake.rules.pop();
        expect(await session.check()).toEqual([]);
      }
    });

    it('taking the stream: what is for its owner only is theirs, until it is ours again', async () => {
      const { fake, session } = await running();
      await session.setMode('multicast');
      expect(fake.rules.filter(isExclusion)).toEqual([]);
      expect(fake.status).toMatchObject({ failure: 1, backlogWaitTime: 15_000, backlogLimit: 8_192 });
      await session.setMode('unicast');
      expect(fake.status).toMatchObject(PLACED);
      expect(fake.state.rules.sort()).toEqual([...ownRules(), hex(foreignRule('other'))].sort());
      await session.restore();
      expect(fake.state).toEqual({ rules: [hex(foreignRule('other'))], status: FOUND });
    });

    it('reading the stream keeps audit on when this process ends', async () => {
      const { fake, session } = await running();
      fake.status = { ...fake.status, pid: process.ppid };
      await session.setMode('multicast');
      await session.restore();
      expect(fake.status).toEqual({ ...FOUND, enabled: 1, pid: process.ppid });
    });
  });

  it('changes no more than rules and room where another process reads the stream', async () => {
    const theirs = { enabled: 1, pid: process.ppid, failure: 2, backlogLimit: 64, backlogWaitTime: 60_000 };
    const fake = kernel(theirs);
    const session = await open(fake);
    expect(session.warnings).toEqual([
      expect.stringContaining(`pid ${process.ppid}`),
      expect.stringMatching(/panic/),
    ]);
    await session.prepare();
    await session.enable();
    expect(fake.status).toEqual({ ...FOUND, ...theirs, backlogLimit: 8_192 });
    await session.restore();
    expect(fake.status).toEqual({ ...FOUND, ...theirs });
    const ample = kernel({ ...theirs, backlogLimit: 99_999 });
    await (await open(ample)).prepare();
    expect(ample.status.backlogLimit).toBe(99_999);
  });

  it('changes nothing that may not be changed, and says what will be missing', async () => {
    for (const [status, options, warning] of [
      [{ enabled: 2 }, {}, /locked until the next boot/],
      [{ enabled: 1 }, { allowConfig: false }, /only events of existing rules.*--audit_allow_config=true/],
      [{ enabled: 0 }, { allowConfig: false }, /no events: set --audit_allow_config=true/],
    ] as const) {
      const fake = kernel(status);
      const session = await open(fake, options);
      expect(session.warnings).toHaveLength(1);
      expect(session.warnings[0]).toMatch(warning);
      await session.prepare();
      await session.enable();
      await session.select({ ...SELECTION, sockets: true });
      expect(fake.log).toEqual(['get', 'list']);
    }
  });

  describe('when the stream has an owner', unless(whyNotLinux), () => {
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
      symlinkSync('/bin/sleep', `${directory}/${PROGRAM}`);
      const child = spawn(`${directory}/${PROGRAM}`, ['60'], { stdio: 'ignore' });
      onTestFinished(async () => {
        child.kill();
        await once(child, 'exit');
        rmSync(directory, { recursive: true });
      });
      await once(child, 'spawn');
      await expect(open(kernel({ pid: child.pid! }))).rejects.toMatchObject({
        code: 'owned',
        message: expect.stringContaining(`pid ${child.pid}, another ${PROGRAM}`),
      });
    });
  });
});
