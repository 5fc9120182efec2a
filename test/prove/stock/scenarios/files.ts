import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Installation } from '../installation.ts';
import type { StockScenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import type { StockDaemon } from '../stock-daemon.ts';
import { TlsManager } from '../tls-manager.ts';

/** Until a configuration is asked for, read, and in force: each of these takes a few seconds. */
const CHANGE_MS = 40_000;
const FLAGS = ['--audit_allow_fim_events=true', '--audit_allow_process_events=false', '--config_refresh=2'];
const HEARTBEAT = { heartbeat: { query: 'SELECT 1 AS beat', interval: 1 } };
const NAMED = ['path', 'asked', 'packed', 'filed', 'excluded', 'later'] as const;

type Name = (typeof NAMED)[number];

/** Directories that a configuration names, each in its own way. */
class WatchedDirectories {
  readonly #root: string;
  #written = 0;

  constructor(root: string) {
    this.#root = root;
    for (const name of NAMED) mkdirSync(this.of(name), { recursive: true });
  }

  of(name: Name): string {
    return join(this.#root, name);
  }

  all(name: Name): string {
    return `${this.of(name)}/%%`;
  }

  /** Changes files in a directory until one of them has a row; its category. */
  async rowOf(daemon: StockDaemon, name: Name): Promise<string | undefined> {
    let category: string | undefined;
    const hasRow = async (): Promise<boolean> => {
      writeFileSync(join(this.of(name), `x${this.#written++}`), 'x');
      const rows = await daemon.query(
        `SELECT category FROM process_file_events WHERE path LIKE '${this.of(name)}/%' LIMIT 1`,
      );
      category = rows[0]?.category;
      return rows.length > 0;
    };
    await daemon.until(hasRow, `a change in ${name} to have a row`, CHANGE_MS).catch(() => {});
    return category;
  }

  async rowsOf(daemon: StockDaemon, name: Name): Promise<number> {
    const sql = `SELECT count(*) AS n FROM process_file_events WHERE path LIKE '${this.of(name)}/%'`;
    return Number((await daemon.query(sql))[0]?.n);
  }
}

const configurationOf = (watched: WatchedDirectories, packFile: string | undefined): object => ({
  schedule: HEARTBEAT,
  file_paths: { by_path: [watched.all('path'), watched.all('excluded'), 'relative/%%'] },
  file_paths_query: { by_query: [`SELECT '${watched.all('asked')}' AS path`] },
  exclude_paths: { by_path: [watched.all('excluded')] },
  packs: {
    inner: { queries: {}, file_paths: { by_pack: [watched.all('packed')] } },
    ...(packFile !== undefined && { outer: packFile }),
  },
});

const checkWatched = async (
  stage: Stage,
  daemon: StockDaemon,
  watched: WatchedDirectories,
  expected: Partial<Record<Name, string>>,
): Promise<void> => {
  for (const [name, category] of Object.entries(expected) as [Name, string][]) {
    const saw = await watched.rowOf(daemon, name);
    stage.check(`a change in "${name}" has a row, and its category`, saw === category, saw ?? 'none');
  }
};

const byFiles = async (stage: Stage): Promise<void> => {
  const { directory: root, extension } = stage;
  const watched = new WatchedDirectories(join(root, 'files'));
  const packFile = join(root, 'pack.conf');
  const pack = { queries: {}, file_paths: { by_file: [watched.all('filed')] } };
  writeFileSync(packFile, JSON.stringify(pack));
  const configuration = configurationOf(watched, packFile);
  const installation = new Installation({ root, extension, configuration });
  await using daemon = stage.start(installation, FLAGS);
  await daemon.ready();
  writeFileSync(join(watched.of('excluded'), 'x'), 'x');
  const expected = { path: 'by_path', asked: 'by_query', packed: 'by_pack', filed: 'by_file' };
  await checkWatched(stage, daemon, watched, expected);
  writeFileSync(join(watched.of('excluded'), 'y'), 'y');
  await watched.rowOf(daemon, 'path');
  stage.equal('rows of what exclude_paths names', await watched.rowsOf(daemon, 'excluded'), 0);
  const named = daemon.complaints.filter(line => line.includes('"relative/**"'));
  stage.equal('lines on the pattern that no rule can say', named.length, 1);

  installation.configure({
    schedule: HEARTBEAT,
    file_paths: { changed: [watched.all('later')] },
  });
  await checkWatched(stage, daemon, watched, { later: 'changed' });
  const before = await watched.rowsOf(daemon, 'path');
  writeFileSync(join(watched.of('path'), 'not any more'), 'x');
  await watched.rowOf(daemon, 'later');
  stage.equal('rows of what is named no more', (await watched.rowsOf(daemon, 'path')) - before, 0);
  stage.checkSchedule(daemon, 6_000);
};

const byTls = async (stage: Stage): Promise<void> => {
  const root = join(stage.directory, 'tls');
  mkdirSync(root);
  const watched = new WatchedDirectories(join(root, 'files'));
  const installation = new Installation({ root, extension: stage.extension, configuration: {} });
  await using manager = await TlsManager.start(root, configurationOf(watched, undefined), 0);
  await using daemon = stage.start(installation, [...manager.flags, ...FLAGS]);
  await daemon.ready();
  await checkWatched(stage, daemon, watched, { path: 'by_path', asked: 'by_query', packed: 'by_pack' });
  manager.configuration = { schedule: HEARTBEAT, file_paths: { changed: [watched.all('later')] } };
  await checkWatched(stage, daemon, watched, { later: 'changed' });
};

export const files: StockScenario = {
  name: 'files',
  title:
    'file_paths, file_paths_query, exclude_paths and packs say what process_file_events watches, from files and by TLS, and reloads change it',
  isLive: true,
  limit: 240,
  run: async stage => {
    await byFiles(stage);
    stage.say('the same by TLS');
    await byTls(stage);
  },
};
