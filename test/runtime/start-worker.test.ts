import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { workerAsset } from '../../src/runtime/start-worker.ts';

test('a worker has the same name for the build, which knows its file, and in the bundle, which does not', () => {
  const source = new URL('../../src/ingest/ingest-worker.ts', import.meta.url);
  const bundled = new URL('./ingest-worker.ts', 'file:///opt/osquery/osquery-audit-events.ext');
  expect(existsSync(source)).toBe(true);
  expect(workerAsset(bundled.pathname)).toBe('ingest-worker.mjs');
  expect(workerAsset(source.pathname)).toBe(workerAsset(bundled.pathname));
});
