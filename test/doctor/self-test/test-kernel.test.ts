import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test } from 'vitest';
import type { CheckResult } from '../../../src/doctor/check-result.ts';
import { readAudit } from '../../../src/doctor/readers/read-audit.ts';
import { testKernel } from '../../../src/doctor/self-test/test-kernel.ts';
import { waitForFreeAudit } from './free-audit.ts';

const never = new AbortController().signal;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The audit to compare with afterwards; the test is skipped where it cannot be had. */
const freeAudit = async ({ skip }: TestContext) => {
  const why = await waitForFreeAudit();
  if (why !== undefined) skip(`kernel audit cannot be had: ${why}`);
  return readAudit();
};

/** What a test must leave as it found it; `lost` and `backlog` are the kernel's own. */
const lasting = (audit: Awaited<ReturnType<typeof readAudit>>) =>
  audit.kind === 'read'
    ? {
        ...audit.status,
        lost: 0,
        backlog: 0,
        rules: audit.rules.map(rule => Buffer.from(rule).toString('hex')),
      }
    : audit;

test('one program is seen in kernel audit, which is then as it was', { timeout: 60_000 }, async context => {
  const before = await freeAudit(context);
  const title = process.title;
  const result = await testKernel({ patienceMs: 10_000, signal: never }, readAudit);
  expect(result).toMatchObject({ kind: 'seen', way: 'kernel', notRestored: [] });
  expect(lasting(await readAudit())).toEqual(lasting(before));
  expect(process.title).toBe(title);
});

test('a program that does not run, and an interrupted test, leave audit as it was', {
  timeout: 60_000,
}, async context => {
  const before = await freeAudit(context);
  const start = () => Promise.resolve({ pid: 1, cmdline: 'nobody runs this', startedAt: performance.now() });
  expect(await testKernel({ patienceMs: 300, signal: never, start }, readAudit)).toMatchObject({
    kind: 'not-seen',
    notRestored: [],
  });
  expect(
    await testKernel({ patienceMs: 600_000, signal: AbortSignal.timeout(300), start }, readAudit),
  ).toMatchObject({
    kind: 'skipped',
    why: 'it was interrupted',
  });
  const fails = () => Promise.reject(new Error('no program to run'));
  expect(await testKernel({ patienceMs: 300, signal: never, start: fails }, readAudit)).toMatchObject({
    kind: 'failed',
    why: 'no program to run',
  });
  expect(lasting(await readAudit())).toEqual(lasting(before));
});

test('the command sees its program, and ends by SIGTERM with audit as it was', {
  timeout: 60_000,
}, async context => {
  const before = await freeAudit(context);
  const run = async (stop?: NodeJS.Signals) => {
    const child = spawn(
      process.execPath,
      [
        '--conditions=source',
        'src/cli/main.ts',
        'doctor',
        '--json',
        '--config_path=tables/packs/osquery.conf',
      ],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let text = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    if (stop !== undefined) {
      // As soon as it owns the socket, or has ended by itself.
      while (child.exitCode === null) {
        const audit = await readAudit();
        if (audit.kind === 'read' && audit.status.pid === child.pid) break;
      }
      child.kill(stop);
    }
    const [status] = await once(child, 'close');
    return { status, results: JSON.parse(text) as CheckResult[] };
  };

  const { results } = await run();
  expect(results.find(({ check }) => check === 'self-test')).toMatchObject({
    status: 'ok',
    found: expect.stringContaining('was seen in kernel audit'),
  });
  // A relative path is one from where the command was started.
  expect(results.find(({ check }) => check === 'osquery')?.found).not.toContain('not set up here');
  expect(lasting(await readAudit())).toEqual(lasting(before));

  const stopped = await run('SIGTERM');
  expect(stopped.status).not.toBeNull();
  expect(lasting(await readAudit())).toEqual(lasting(before));
});
