/**
 * Changes package.json to its published form before packing, and restores it afterwards (`--restore`): without the
 * conditions for the sources, which are not in the package, and without the dependencies that dist/ contains; with
 * the repository from the clone's remote `origin`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Repository, repositoryOf } from './repository-of.ts';

const home = fileURLToPath(new URL('..', import.meta.url));
const path = `${home}package.json`;
const kept = `${path}.kept`;

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

const repository = (): Repository | undefined => {
  try {
    const remote = git('remote', 'get-url', 'origin');
    return repositoryOf(remote, git('rev-parse', '--show-prefix').replace(/\/$/, ''));
  } catch {
    // There is no git, no clone, or no such remote.
    return undefined;
  }
};

interface Manifest {
  readonly exports: Record<string, string | Record<string, unknown>>;
  readonly [name: string]: unknown;
}

const published = ({
  scripts: _scripts,
  dependencies: _dependencies,
  exports,
  ...manifest
}: Manifest): object => {
  const entries = Object.entries(exports).map(([name, conditions]) => {
    if (typeof conditions === 'string') return [name, conditions];
    const { source: _source, ...others } = conditions;
    return [name, others];
  });
  const from = repository();
  if (from === undefined) {
    console.error(
      'package.json: no repository, as the clone has no remote origin that others can reach (git remote add origin URL)',
    );
  }
  return {
    ...manifest,
    ...(from === undefined ? {} : { repository: from }),
    exports: Object.fromEntries(entries),
  };
};

// Also if an earlier pack was interrupted.
if (existsSync(kept)) renameSync(kept, path);
if (!process.argv.includes('--restore')) {
  const text = readFileSync(path, 'utf8');
  const changed = `${JSON.stringify(published(JSON.parse(text) as Manifest), undefined, 2)}\n`;
  writeFileSync(kept, text);
  writeFileSync(path, changed);
}
