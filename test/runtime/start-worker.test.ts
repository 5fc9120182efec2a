import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startWorker, warmWorker, workerAsset } from '../../src/runtime/start-worker.ts';

test('a worker has the same name for the build, which knows its file, and in the bundle, which does not', () => {
  const source = new URL('../../src/ingest/ingest-worker.ts', import.meta.url);
  const bundled = new URL('./ingest-worker.ts', 'file:///opt/osquery/osquery-audit-events.ext');
  expect(existsSync(source)).toBe(true);
  expect(workerAsset(bundled.pathname)).toBe('ingest-worker.mjs');
  expect(workerAsset(source.pathname)).toBe(workerAsset(bundled.pathname));
});

describe('a worker', () => {
  const ECHO = new URL('./echo-worker.ts', import.meta.url);
  const workerData = { some: 'data', sent: [1] };
  const answer = async (worker = startWorker(ECHO, { workerData })): Promise<unknown> =>
    (await once(worker, 'message'))[0];

  test('has its data from its start', async () => {
    expect(await answer()).toEqual({ data: workerData, next: undefined });
  });

  test('that was started before has them when they are known, and no other message in their place', async () => {
    await using _ = warmWorker(ECHO);
    const worker = startWorker(ECHO, { workerData });
    const answered = answer(worker);
    worker.postMessage('a command');
    const { data } = (await answered) as { data: unknown };
    expect(data).toEqual(workerData);
    // It was taken: the next one is another.
    expect(startWorker(ECHO, { workerData }).threadId).not.toBe(worker.threadId);
  });

  test('that was started before and is not wanted ends, and the next start does not get it', async () => {
    await warmWorker(ECHO)[Symbol.asyncDispose]();
    expect(await answer()).toEqual({ data: workerData, next: undefined });
  });
});
