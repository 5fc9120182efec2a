import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readAuditPipe } from '../../src/openbsm/audit-pipe.ts';
import { createTrailCounters } from '../../src/openbsm/counters.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';

const path = fileURLToPath(new URL('../../fixtures/openbsm/users.trail', import.meta.url));

describe('readAuditPipe', () => {
  it('refuses where there is none, and says what to do', async () => {
    await expect(readAuditPipe({ platform: 'linux' }).next()).rejects.toMatchObject({
      code: 'unsupported',
      message:
        '/dev/auditpipe is a device of macOS, this is linux: read a recorded trail instead, with --replay FILE',
    });
  });

  it('says when the device is not there', async () => {
    await expect(
      readAuditPipe({ platform: 'darwin', path: '/dev/no-auditpipe' }).next(),
    ).rejects.toMatchObject({
      code: 'not-found',
      message: '/dev/no-auditpipe: no such file or directory',
    });
  });

  it('delivers the bytes that readTrail reads', async () => {
    const counters = createTrailCounters();
    for await (const event of readTrail(readAuditPipe({ platform: 'darwin', path }), counters)) {
      expect(event.kind).toBe('user');
    }
    expect(counters).toMatchObject({ records: 21, events: 21, malformed: 0 });
  });

  it('reads nothing once it was aborted', async () => {
    const pipe = readAuditPipe({ platform: 'darwin', path, signal: AbortSignal.abort() });
    expect(await pipe.next()).toEqual({ done: true, value: undefined });
  });
});
