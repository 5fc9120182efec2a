/** Against an osqueryd that is installed: `OSQUERYD=/path/to/osqueryd`, or one of PATH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExtensionManagerClient, runExtension, TablePlugin } from 'osquery-extension-ts';
import type { Registration, WrittenRow } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { osquery, whyNotStock } from '../../prove/stock/osquery-programs.ts';
import { unless } from '../../unless.ts';
import { until } from '../support.ts';

const MINUTES = 60_000;

/** An osqueryd with a directory of its own, that starts the extension at a path. */
const startOsqueryd = async (schedule: object, extension?: (directory: string) => string) => {
  const directory = mkdtempSync(join(tmpdir(), 'oext-stock-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('log'));
  writeFileSync(at('conf'), JSON.stringify({ schedule }));
  writeFileSync(at('load'), extension === undefined ? '' : `${extension(directory)}\n`);
  const flags = {
    config_path: at('conf'),
    database_path: at('db'),
    logger_path: at('log'),
    pidfile: at('pid'),
    extensions_socket: at('em'),
    extensions_autoload: at('load'),
    extensions_timeout: '30',
    schedule_splay_percent: '0',
    disable_watchdog: 'true',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(osquery!.osqueryd, args, { stdio: 'ignore' });
  onTestFinished(async () => {
    const ended = child.exitCode !== null || once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const client = new ExtensionManagerClient({ socketPath: at('em') });
  onTestFinished(() => client.close());
  const works = (sql: string): Promise<boolean> =>
    client.query(sql).then(
      () => true,
      () => false,
    );
  await until(() => works('SELECT 1'));
  /** Lines of the log of results. */
  const logged = (): {
    readonly name: string;
    readonly action: string;
    readonly columns: Record<string, string>;
  }[] =>
    existsSync(at('log/osqueryd.results.log'))
      ? readFileSync(at('log/osqueryd.results.log'), 'utf8')
          .split('\n')
          .filter(line => line !== '')
          .map(line => JSON.parse(line))
      : [];
  return { client, works, logged, socketPath: at('em') };
};

describe('in a stock osqueryd', unless(whyNotStock), () => {
  it(
    'logs each event once for each scheduled query, of an extension that it starts itself from its source',
    async () => {
      const joined = 'SELECT a.n FROM ticks a JOIN ticks b ON a.eid = b.eid';
      const { works, logged } = await startOsqueryd(
        { plain: { query: 'SELECT n FROM ticks', interval: 1 }, joined: { query: joined, interval: 2 } },
        directory => {
          const wrapper = join(directory, 'ticks.ext');
          const program = fileURLToPath(new URL('ticks.ts', import.meta.url));
          // As the README has it.
          writeFileSync(
            wrapper,
            `#!/bin/sh\nexec ${process.execPath} --conditions=source ${program} "$@"\n`,
            {
              mode: 0o755,
            },
          );
          return wrapper;
        },
      );
      await until(() => works('SELECT n FROM ticks LIMIT 1'));
      const numbers = (query: string): number[] =>
        logged()
          .filter(({ name }) => name === query)
          .map(({ columns }) => Number(columns.n))
          .sort((a, b) => a - b);
      await until(() => numbers('plain').length > 200 && numbers('joined').length > 200);
      for (const query of ['plain', 'joined']) {
        const found = numbers(query);
        expect(found).toEqual(Array.from(found, (_, index) => index + 1));
      }
      expect(logged().every(({ action }) => action === 'added')).toBe(true);
    },
    3 * MINUTES,
  );

  it(
    'finds rows of an OR, and keeps bytes as they are',
    async () => {
      const { client, works, socketPath } = await startOsqueryd({});
      const shelfColumns = [
        { name: 'id', type: 'BIGINT', index: true },
        { name: 'title', type: 'TEXT' },
      ] as const;
      const books = [
        { id: 1, title: 'Dune' },
        { id: 2, title: 'Solaris' },
      ];
      const shelf = new TablePlugin(
        { name: 'shelf', columns: shelfColumns },
        { generate: context => books.filter(({ id }) => context.matches('id', id)) },
      );
      const blobColumns = [{ name: 'data', type: 'BLOB' }] as const;
      const written: WrittenRow<typeof blobColumns>[] = [];
      const blobs = new TablePlugin(
        { name: 'blobs', columns: blobColumns },
        {
          generate: () => written.map(({ data }, index) => ({ rowid: index + 1, data })),
          insert: row => {
            written.push(row);
            return written.length;
          },
        },
      );
      const stop = new AbortController();
      const registered = Promise.withResolvers<Registration>();
      const ended = runExtension({
        name: 'stock',
        version: '1',
        plugins: [shelf, blobs],
        socket: socketPath,
        timeout: 30,
        signal: stop.signal,
        onRegistered: registered.resolve,
      });
      await registered.promise;
      await until(() => works('SELECT * FROM shelf'));
      const ids = async (where: string) =>
        (await client.query(`SELECT id FROM shelf WHERE ${where}`)).map(({ id }) => id).sort();
      expect(await ids("id=1 or (id=2 and title='Solaris')")).toEqual(['1', '2']);
      expect(await ids("id='01'")).toEqual(['1']);
      expect(await ids('id=1.0')).toEqual(['1']);
      await client.query("INSERT INTO blobs (data) VALUES (x'ff00fe41')");
      expect(written).toEqual([{ data: Buffer.from('ff00fe41', 'hex') }]);
      stop.abort();
      expect((await ended).kind).toBe('signal');
    },
    MINUTES,
  );
});
