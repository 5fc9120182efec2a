import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bundle, bundle } from '../../src/build/bundle.ts';
import { replacements } from '../../src/build/replacements.ts';

const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

describe('bundling this program', () => {
  const bundleProgram = (): Promise<Bundle> =>
    bundle({ root: project, entry: 'src/cli/main.ts', replacements: replacements('x64') });

  test('gives the same each time, with every worker, native part and asset', async () => {
    const first = await bundleProgram();
    expect([...first.workers.keys()]).toEqual(
      expect.arrayContaining(['ingest-worker.mjs', 'sql-worker.mjs']),
    );
    expect([...first.used].flatMap(({ asset }) => asset?.name ?? []).sort()).toEqual([
      'koffi.node',
      'netlink.node',
      'sqlite3.wasm',
    ]);
    // A replacement that nothing uses has lost what it was for.
    expect(first.used.size).toBe(replacements('x64').length);
    expect(await bundleProgram()).toEqual({ ...first, used: expect.anything() });
  });

  test('contains nothing of the machine that did it', async () => {
    const { main, workers } = await bundleProgram();
    for (const code of [main, ...workers.values()]) expect(code).not.toContain(project);
  });

  test('is text that V8 keeps in one byte a character, and in lines', async () => {
    const { main, workers } = await bundleProgram();
    for (const code of [main, ...workers.values()]) {
      expect(code).toMatch(/^[\0-\xff]*$/);
      expect(code.split('\n').length).toBeGreaterThan(code.length / 1_000);
    }
  });
});

describe('bundling a program', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'bundle-')));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const bundleFiles = (files: Record<string, string>): Promise<Bundle> => {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    return bundle({ root, entry: 'src/main.ts', replacements: [] });
  };
  const starting = (worker: string): string =>
    `import { startWorker } from './start'; startWorker(new URL('./${worker}', import.meta.url), {});`;
  const start = 'export const startWorker = (...args: unknown[]): void => console.log(args);';

  test('finds workers, and the workers of workers', async () => {
    const { main, workers } = await bundleFiles({
      'src/start.ts': start,
      'src/main.ts': starting('one/first-worker.ts'),
      'src/one/start.ts': start,
      'src/one/first-worker.ts': starting('second-worker.ts'),
      'src/one/second-worker.ts': 'await console.log("the second");',
    });
    expect(main).not.toContain('the second');
    expect([...workers.keys()]).toEqual(['first-worker.mjs', 'second-worker.mjs']);
    expect(workers.get('second-worker.mjs')).toMatch(/the second.*\n\/\/# sourceURL=second-worker\.mjs\n$/s);
  });

  test('refuses two workers of one name', async () => {
    const files = {
      'src/start.ts': start,
      'src/main.ts': `${starting('one/some-worker.ts')} ${starting('two/some-worker.ts').replace(/.*?; /, '')}`,
      'src/one/some-worker.ts': '',
      'src/two/some-worker.ts': '',
    };
    await expect(bundleFiles(files)).rejects.toThrow('src/two/some-worker.ts: another worker is called');
  });

  test('refuses workers that the single executable could not start', async () => {
    const files = { 'src/main.ts': "new Worker(new URL('./some-worker.ts', import.meta.url));" };
    await expect(bundleFiles(files)).rejects.toThrow(
      'src/main.ts:0:0: ERROR: [plugin: single-executable] expected startWorker of src/runtime',
    );
  });

  test('refuses modules that would be looked for at run time', async () => {
    const files = { 'src/main.ts': "try { require('not-installed'); } catch {}" };
    await expect(bundleFiles(files)).rejects.toThrow('left out not-installed');
  });
});
