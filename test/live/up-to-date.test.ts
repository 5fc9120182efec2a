import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, test } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { openKernelSource } from '../../src/ingest/kernel-source.ts';
import { unless } from '../unless.ts';
import { leavingAuditAsFound } from './audit-as-found.ts';
import { whyNotLive } from './kernel-audit.ts';

const MARKS = 30;
/** Milliseconds for the kernel to hand records over, by a thread of its own; and for more than one call not to be one. */
const HANDED_OVER_MS = 15;

describe('what is at hand', unless(whyNotLive), () => {
  const live = leavingAuditAsFound();

  test('is there when it is called for, although records gather because more keep coming', async () => {
    const { settings } = readAuditSettings(new Map([['audit_allow_config', 'true']]));
    const seen = new Set<string>();
    const source = await openKernelSource(settings, {
      onRows: batches => {
        for (const { batch } of batches) {
          for (const { cmdline } of decodeRows({ count: batch.ends.length, chunks: [batch.bytes] })) {
            if (cmdline !== undefined) seen.add(cmdline);
          }
        }
      },
      onProcesses: () => {},
      onRaw: () => {},
      onWarning: () => {},
      onFailed: error => seen.add(String(error)),
    });
    live.stack.defer(() => source.close());
    const stream = spawn('/bin/sh', ['-c', 'i=0; while [ $i -lt 3000 ]; do /bin/true; i=$((i+1)); done']);
    const ended = once(stream, 'exit');
    live.stack.defer(async () => {
      stream.kill('SIGKILL');
      await ended;
    });
    let here = 0;
    for (let i = 0; i < MARKS; i++) {
      execFileSync('/bin/true', [`mark-${i}`]);
      await sleep(HANDED_OVER_MS);
      await source.ingest.upToDate();
      if (seen.has(`/bin/true mark-${i}`)) here++;
    }
    expect(stream.exitCode).toBeNull();
    // By chance, a row would be there in less than half of the cases.
    expect(here).toBeGreaterThan((MARKS * 5) / 6);
    while (seen.size < MARKS) await sleep(10);
  }, 60_000);
});
