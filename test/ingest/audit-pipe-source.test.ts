import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { openAuditPipeSource, openLiveSource } from '../../src/ingest/audit-source.ts';
import type { EventSource } from '../../src/ingest/event-source.ts';
import type { IngestError, IngestHandlers } from '../../src/ingest/ingest.ts';
import { ProcessBatchReader } from '../../src/ingest/process-batch.ts';
import type { ModelEvent } from '../../src/model/model-event.ts';
import { makeFifo } from '../make-fifo.ts';
import { unless } from '../unless.ts';

const fixture = (name: string): string => new URL(`../../fixtures/openbsm/${name}`, import.meta.url).pathname;
const { settings } = readAuditSettings(new Map([['audit_allow_fork_process_events', 'true']]));

/** Everything a source says; `until` waits for it. */
class Listener implements IngestHandlers {
  readonly rows: (PluginRow & { readonly table: string })[] = [];
  readonly processes: ModelEvent[] = [];
  readonly warnings: string[] = [];
  raw = '';
  failure: IngestError | undefined;
  readonly #reader = new ProcessBatchReader();
  #heard = Promise.withResolvers<void>();

  onRows: IngestHandlers['onRows'] = batches => {
    for (const { table, batch } of batches) {
      const rows = decodeRows({ count: batch.ends.length, chunks: [batch.bytes] });
      this.rows.push(...rows.map(row => ({ table, ...row })));
    }
    this.#wake();
  };
  onProcesses: IngestHandlers['onProcesses'] = batch => {
    this.#reader.read(batch, event => this.processes.push(event));
    this.#wake();
  };
  onRaw: IngestHandlers['onRaw'] = text => {
    this.raw += text;
    this.#wake();
  };
  onWarning: IngestHandlers['onWarning'] = message => {
    this.warnings.push(message);
    this.#wake();
  };
  onFailed: IngestHandlers['onFailed'] = error => {
    this.failure = error;
    this.#wake();
  };

  async until(done: () => boolean): Promise<void> {
    while (!done()) await this.#heard.promise;
  }

  #wake(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers<void>();
  }
}

/** Stands in for the device: like it, it never ends and lets its reader wait. */
let device: string;
let directory: string;
let writer: number;
let listener: Listener;
let source: EventSource | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'auditpipe-'));
  device = join(directory, 'auditpipe');
  makeFifo(device);
  writer = openSync(device, constants.O_RDWR);
  listener = new Listener();
  source = undefined;
});
afterEach(async () => {
  await source?.close();
  closeSync(writer);
  rmSync(directory, { recursive: true });
});

const pathsOf = ({ rows }: Listener): (string | undefined)[] =>
  rows.filter(row => row.table === 'process_events').map(row => row.path);

describe('the audit pipe', () => {
  test('makes rows of records as they come, wherever they are cut', async () => {
    const trail = readFileSync(fixture('processes.trail'));
    source = await openAuditPipeSource(settings, listener, { processes: true }, device);
    expect(source.mode).toBe('openbsm');
    expect(await source.status()).toMatchObject({ mode: 'openbsm', kernel: undefined, rules: undefined });

    writeSync(writer, trail.subarray(0, 300));
    await listener.until(() => pathsOf(listener).length === 1);
    expect(listener.rows.map(row => [row.table, row.eid])).toEqual([
      ['process_events', '0000000001'],
      ['user_events', '0000000001'],
    ]);
    expect(listener.rows[0]).toMatchObject({ pid: '5001', parent: '4242', status: '0' });
    // Nothing gathers: there is nothing to wait for.
    expect(source.ingest.upToDate()).toBeUndefined();
    writeSync(writer, trail.subarray(300));
    await listener.until(() => pathsOf(listener).at(-1) === '/bin/after');
    expect(listener.rows.filter(row => row.status === '11')).toMatchObject([{ path: '/usr/bin/locked' }]);
    // The exit among them has no row.
    expect(listener.processes).toHaveLength(19);
    expect(listener.processes.map(({ action }) => action)).toContain('exit');
    expect(listener.warnings).toEqual([]);
  });

  test('can be closed although nothing comes, and any number of times', async () => {
    source = await openAuditPipeSource(settings, listener, {}, device);
    await Promise.all([source.close(), source.close()]);
    await source.close();
    expect(listener.failure).toBeUndefined();
  });

  test('takes what waits when it is closed, and counts it', async () => {
    source = await openAuditPipeSource(settings, listener, {}, device);
    writeSync(writer, readFileSync(fixture('users.trail')));
    await source.close();
    expect(listener.rows).toHaveLength(33);
    expect(source.ingest.counters?.pipeline).toMatchObject({ records: 33, events: 33, malformedRecords: 0 });
  });

  test('tells the first damage, counts all, and goes on', async () => {
    source = await openAuditPipeSource(settings, listener, {}, device);
    writeSync(writer, readFileSync(fixture('damaged.trail')));
    await source.close();
    expect(listener.warnings).toEqual([
      `${device}: offset 0: 6 bytes skipped: byte 0xde begins neither a header (0x14, 0x15, 0x74, 0x79) nor a file token (0x11)`,
    ]);
    expect(source.ingest.counters?.pipeline).toMatchObject({
      records: 15,
      malformedRecords: 13,
      unusable: 1,
    });
  });

  test('shows raw records while audit_debug is on', async () => {
    source = await openAuditPipeSource(settings, listener, {}, device);
    await source.setSettings({ ...settings, debug: true });
    writeSync(writer, readFileSync(fixture('users.trail')));
    await source.close();
    expect(listener.raw).toBe(readFileSync(fixture('users.txt'), 'utf8'));
  });

  test('that cannot be opened says why', async () => {
    const missing = join(directory, 'none');
    await expect(openAuditPipeSource(settings, listener, {}, missing)).rejects.toMatchObject({
      name: 'IngestError',
      code: 'not-found',
      message: `${missing}: no such file or directory`,
    });
  });

  test('that ends is a failure: a device never does', async () => {
    source = await openAuditPipeSource(settings, listener, {}, fixture('users.trail'));
    await listener.until(() => listener.failure !== undefined);
    expect(listener.failure).toMatchObject({ code: 'unreadable' });
    expect(listener.failure?.message).toBe(`${fixture('users.trail')}: ended, where a device never does`);
    expect(listener.rows).toHaveLength(33);
  });
});

describe('the live source', () => {
  test('is refused where there is neither Linux nor macOS', async () => {
    await expect(openLiveSource(settings, listener, {}, 'freebsd')).rejects.toMatchObject({
      code: 'unsupported',
      message:
        'audit events need Linux or macOS, and this is freebsd: read recorded ones instead, with --replay FILE',
    });
  });

  test(
    'of macOS is refused anywhere else',
    unless(process.platform === 'darwin' ? 'it is for other systems than macOS' : undefined),
    async () => {
      await expect(openLiveSource(settings, listener, {}, 'darwin')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('/dev/auditpipe is a device of macOS, and this is'),
      });
    },
  );
});
