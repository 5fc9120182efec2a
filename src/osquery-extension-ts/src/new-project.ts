import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { OsqueryError, shown } from './errors.ts';

/** Valid names for both a package and a table. */
const NAME = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Writes a project: an extension with one table, its test, and its build.
 *
 * @param name of the table, the package and the directory, which must not exist
 * @param version of this package that the project depends on
 * @returns absolute path of the directory
 * @throws OsqueryError OSQUERY_INVALID for an invalid name
 */
export function newProject(name: string, version: string): string {
  const directory = resolve(name);
  if (!NAME.test(name)) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `expected a name of lower-case letters, digits and underscores, for a table and a package, got ${shown(name)}`,
    );
  }
  if (existsSync(directory)) {
    throw new OsqueryError('OSQUERY_INVALID', `${directory} exists already; expected an unused name`);
  }
  for (const [path, text] of Object.entries(projectFiles(name, version))) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** Development dependencies of the project, in the versions that this package is tested with. */
export const DEVELOPMENT = {
  '@sqlite.org/sqlite-wasm': '3.54.1-build1',
  '@types/node': '^24.19.4',
  esbuild: '^0.28.2',
  postject: '1.0.0-alpha.6',
  typescript: '^7.0.2',
} as const;

function projectFiles(name: string, version: string): Readonly<Record<string, string>> {
  return {
    'package.json': json({
      name,
      version: '0.1.0',
      private: true,
      type: 'module',
      engines: { node: '>=22.18' },
      scripts: {
        start: `node src/${name}.ts --socket /tmp/osquery.em`,
        check: 'tsc',
        test: 'node --test "test/**/*.test.ts"',
        build: `osquery-extension-ts build src/${name}.ts --output dist/${name}.ext`,
      },
      dependencies: { 'osquery-extension-ts': `^${version}` },
      devDependencies: DEVELOPMENT,
    }),
    'tsconfig.json': json({
      compilerOptions: {
        target: 'es2022',
        module: 'nodenext',
        types: ['node'],
        strict: true,
        noEmit: true,
        erasableSyntaxOnly: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
      },
      include: ['src', 'test'],
    }),
    '.gitignore': 'node_modules/\ndist/\n',
    [`src/${name}.ts`]: programOf(name),
    'src/table.ts': tableOf(name),
    'test/table.test.ts': testOf(name),
    'README.md': readmeOf(name),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const programOf = (name: string): string => `import { main } from 'osquery-extension-ts';
import { table } from './table.ts';

await main({ name: '${name}', version: '0.1.0', plugins: [table] });
`;

const tableOf = (name: string): string => `import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TablePlugin } from 'osquery-extension-ts';

const columns = [
  { name: 'directory', type: 'TEXT', required: true },
  { name: 'name', type: 'TEXT' },
  { name: 'size', type: 'BIGINT' },
] as const;

/** The files of a directory: SELECT name, size FROM ${name} WHERE directory = '/etc' */
export const table = new TablePlugin(
  { name: '${name}', columns },
  {
    async *generate(context) {
      for (const directory of context.equals('directory') ?? []) {
        for (const name of await readdir(directory)) {
          // Skips work for columns that the query does not read.
          const size = context.uses('size') ? (await stat(join(directory, name))).size : null;
          yield { directory, name, size };
        }
      }
    },
  },
);
`;

const testOf = (name: string): string => `import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestCore } from 'osquery-extension-ts/testing';
import { table } from '../src/table.ts';

test('${name} has the files of a directory', async t => {
  const directory = mkdtempSync(join(tmpdir(), '${name}-'));
  const core = await startTestCore({ plugins: [table] });
  t.after(async () => {
    await core.close();
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, 'a.txt'), 'hello');
  const rows = await core.query(\`SELECT name, size FROM ${name} WHERE directory = '\${directory}'\`);
  assert.deepEqual(rows, [{ name: 'a.txt', size: '5' }]);
  await assert.rejects(core.query('SELECT * FROM ${name}'), /required/);
});
`;

const readmeOf = (name: string): string => `# ${name}

An osquery extension with the table \`${name}\`, written with osquery-extension-ts.

| to | run |
| --- | --- |
| test it in SQL | \`npm test\` |
| check its types | \`npm run check\` |
| try it | \`osqueryi --extensions_socket /tmp/osquery.em\`, and \`npm start\` beside it |
| make one file of it | \`npm run build\` |

osqueryd starts \`dist/${name}.ext\` if the file's path is a line of \`/etc/osquery/extensions.load\`, and the file and its
directory are root's and nobody else can write to them.
`;
