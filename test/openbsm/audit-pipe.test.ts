import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAuditPipe } from '../../src/openbsm/audit-pipe.ts';
import { createTrailCounters } from '../../src/openbsm/counters.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';
import { makeFifo } from '../make-fifo.ts';

const path = fileURLToPath(new URL('../../fixtures/openbsm/users.trail', import.meta.url));

/** Stands in for the device: like it, it never ends and lets its reader wait. */
let fifo: string;
let directory: string;
let writer: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'auditpipe-'));
  fifo = join(directory, 'auditpipe');
  makeFifo(fifo);
  writer = openSync(fifo, constants.O_RDWR);
});
afterEach(() => {
  closeSync(writer);
  rmSync(directory, { recursive: true });
});

describe('readAuditPipe', () => {
  it('refuses where there is none, and says what to do', async () => {
    await expect(readAuditPipe({ platform: 'linux' }).next()).rejects.toMatchObject({
      code: 'unsupported',
      message:
        '/dev/auditpipe is a device of macOS, and this is linux: read a recorded trail instead, with --replay FILE',
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
    expect(counters).toMatchObject({ records: 33, events: 33, malformed: 0 });
  });

  it('tells when it is open, and ends when it is told to although nothing comes', async () => {
    const stop = new AbortController();
    const opened = Promise.withResolvers<void>();
    const pipe = readAuditPipe({
      platform: 'darwin',
      path: fifo,
      onOpen: opened.resolve,
      signal: stop.signal,
    });
    const next = pipe.next();
    await opened.promise;
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('delivers what comes while it waits, and what waits when it is told to end', async () => {
    const stop = new AbortController();
    const pipe = readAuditPipe({ platform: 'darwin', path: fifo, signal: stop.signal });
    const text = async () => String(Buffer.from((await pipe.next()).value ?? []));
    const first = text();
    writeSync(writer, 'first');
    expect(await first).toBe('first');
    writeSync(writer, 'last');
    stop.abort();
    expect(await text()).toBe('last');
    writeSync(writer, 'too late');
    expect(await pipe.next()).toEqual({ done: true, value: undefined });
  });
});
