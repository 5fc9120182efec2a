import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AUDIT_ARCH } from '../../src/audit/constants.ts';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { encodeRule, noteIn, ownRule, ruleTexts } from '../../src/audit/control/rules.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import type { CheckResult } from '../../src/doctor/check-result.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { Neighbour } from './neighbour.ts';
import { programUnderTest } from './program-under-test.ts';
import { SupervisedExtension } from './supervised-extension.ts';

/** Never matches: no process has this uid. */
const [architecture] = nativeArchitectures(process.arch);
const AUDIT_UID = 1;
const THEIRS = {
  action: 'always',
  prepend: false,
  syscalls: [architecture!.numberOf('connect')!],
  fields: [
    [AUDIT_ARCH, architecture!.arch],
    [AUDIT_UID, 4_000_000_000],
  ],
  key: 'live-repair',
} as const;

interface Report {
  readonly status: number;
  readonly results: CheckResult[];
}

/** The doctor, as a user runs it. */
const doctor = async (...more: string[]): Promise<Report> => {
  const { file, args } = await programUnderTest();
  return new Promise((resolve, reject) => {
    execFile(file, [...args, 'doctor', '--json', ...more], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else if (stderr !== '') reject(new Error(stderr));
      else resolve({ status: Number(error?.code ?? 0), results: JSON.parse(stdout) });
    });
  });
};

const troubles = (results: readonly CheckResult[]) => results.filter(({ status }) => status !== 'ok');

describe('doctor --repair', unless(whyNotLive), () => {
  const control = openAuditControl();
  let before: AuditState;
  let rulesBefore: readonly Uint8Array[];
  let extension: SupervisedExtension;

  beforeEach(async () => {
    await auditIsFree();
    await control.addRule(THEIRS);
    before = await auditState();
    rulesBefore = await control.listRules();
    extension = await SupervisedExtension.start({
      audit_allow_config: 'true',
      audit_allow_sockets: 'true',
      audit_force_reconfigure: 'true',
      custom_audit_exclude_exe: '/usr/bin/env',
      custom_audit_state_dir: 'none',
    });
  }, 90_000);
  afterEach(async () => {
    await extension[Symbol.asyncDispose]();
    expect(await auditState()).toEqual(before);
    expect(await control.listRules()).toEqual(rulesBefore);
    await control.deleteRule(encodeRule(THEIRS));
  });

  const kill = async (): Promise<void> => {
    await extension.end('SIGKILL');
    const { status, rules } = await auditState();
    expect(status).toMatchObject({ enabled: 1, failure: 0, backlogWaitTime: 0 });
    expect(rules).toBeGreaterThan(1);
    const texts = (await control.listRules()).flatMap(ruleTexts).map(([, text]) => text);
    expect(texts).toContain('/usr/bin/env');
  };

  test('puts back all that a killed instance had changed, and the rules that it had removed', async () => {
    await kill();
    const found = await doctor();
    expect(found.status).toBe(1);
    expect(found.results.find(({ check }) => check === 'our rules')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('left by a killed extension'),
      fix: expect.stringContaining('osquery-audit-events doctor --repair'),
    });

    const { status, results } = await doctor('--repair');
    expect(troubles(results)).toEqual([]);
    expect(status).toBe(0);
    expect(results.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'our rules',
        'audit enabled',
        'audit failure',
        'audit backlog_limit',
        'audit backlog_wait_time',
        'rules of others',
        'repair',
      ]),
    );
    expect(await auditState()).toEqual(before);
    expect(await control.listRules()).toEqual(rulesBefore);

    expect(await doctor('--repair')).toEqual({
      status: 0,
      results: [expect.objectContaining({ status: 'ok', found: expect.stringContaining('nothing to do') })],
    });
  }, 90_000);

  test('refuses while the instance lives', async () => {
    const running = await control.listRules();
    const { status, results } = await doctor('--repair');
    expect(status).toBe(1);
    expect(results).toMatchObject([
      {
        check: 'repair',
        status: 'problem',
        found: expect.stringContaining(`an instance is running, pid ${extension.pid}`),
      },
    ]);
    expect(await control.listRules()).toEqual(running);
    expect((await extension.status()).mode).toBe('unicast');
    await extension.end('SIGTERM');
  }, 90_000);

  test('refuses while another process has the socket, and repairs when that one has ended', async () => {
    await kill();
    const left = await control.listRules();
    {
      await using neighbour = await Neighbour.start();
      expect(neighbour.answer).toBe('owned');
      const { status, results } = await doctor('--repair');
      expect(status).toBe(1);
      expect(results).toMatchObject([
        { status: 'problem', found: expect.stringContaining(`pid ${neighbour.pid}`) },
      ]);
      expect(await control.listRules()).toEqual(left);
    }
    const { status, results } = await doctor('--repair');
    expect(troubles(results)).toEqual([]);
    expect(status).toBe(0);
  }, 90_000);

  test('without the note of what was found removes our rules only, and says what is not known', async () => {
    await kill();
    // As somebody would who deletes some of our rules by hand.
    const note = (await control.listRules()).find(rule => noteIn(rule) !== undefined);
    expect(note).toBeDefined();
    await control.deleteRule(note!);
    const { status, results } = await doctor('--repair');
    expect(status).toBe(1);
    expect(troubles(results)).toMatchObject([
      { check: 'audit settings', status: 'unknown', fix: expect.stringContaining('auditctl -e 0') },
      { check: 'rules of others', status: 'unknown', found: expect.stringMatching(/^1 rule that/) },
    ]);
    expect((await control.listRules()).filter(rule => ownRule(rule) !== undefined)).toEqual([]);
    const { enabled, failure, backlogLimit, backlogWaitTime } = before.status;
    for (const change of [{ enabled }, { backlogLimit }, { backlogWaitTime }, { failure }]) {
      await control.setStatus(change);
    }
    await control.addRule(THEIRS);
  }, 90_000);
});
