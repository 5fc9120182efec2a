/** The package as others get it: packed, and installed into an empty project. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExtensionClient } from 'osquery-extension-ts/server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { referenceOf } from '../../src/osquery-extension-ts/scripts/reference.ts';
import { PATIENCE, startCore } from '../core/support.ts';
import { startFakeCore, until } from './support.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const home = join(root, 'src/osquery-extension-ts');
const example = join(home, 'examples/shelf.ts');

const paths = (variable: string): string[] => (process.env[variable] ?? '').split(delimiter).filter(Boolean);
/** Other Nodes to try it with, and other compilers (`typescript/bin/tsc`). */
const nodes = [process.execPath, ...paths('OSQUERY_SDK_NODES')];
const compilers = [join(root, 'node_modules/typescript/bin/tsc'), ...paths('OSQUERY_SDK_TSC')];

const scratch = mkdtempSync(join(tmpdir(), 'oext-package-'));
const project = join(scratch, 'project');
const installed = join(project, 'node_modules/osquery-extension-ts');

/** Packs a copy: while a package is packed its package.json is another one, which others would see. */
const pack = async (): Promise<string> => {
  const copy = join(scratch, 'copy');
  mkdirSync(join(copy, 'src'), { recursive: true });
  cpSync(home, join(copy, 'src/osquery-extension-ts'), {
    recursive: true,
    filter: path => !['dist', 'node_modules'].includes(basename(path)),
  });
  const others = ['core', 'flags', 'runtime'].map(room => `src/${room}`);
  for (const name of ['node_modules', 'tsconfig.json', 'package.json', ...others]) {
    symlinkSync(join(root, name), join(copy, name));
  }
  await run('git', ['init'], { cwd: copy });
  await run('git', ['remote', 'add', 'origin', 'https://example.org/owner/name.git'], { cwd: copy });
  const env = { ...process.env, npm_config_ignore_scripts: 'false' };
  await run('npm', ['pack', '--pack-destination', scratch], {
    cwd: join(copy, 'src/osquery-extension-ts'),
    env,
  });
  return join(scratch, readdirSync(scratch).find(name => name.endsWith('.tgz'))!);
};

const write = (name: string, text: string): string => {
  writeFileSync(join(project, name), text);
  return join(project, name);
};

let tarball = '';
beforeAll(async () => {
  tarball = await pack();
  mkdirSync(project);
  write('package.json', '{ "name": "empty", "private": true }');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project });
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the package, installed into an empty project', () => {
  it('brings nothing else, its license and its changes, and no sources', () => {
    expect(readdirSync(join(project, 'node_modules')).filter(name => !name.startsWith('.'))).toEqual([
      'osquery-extension-ts',
    ]);
    expect(readdirSync(installed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'REFERENCE.md',
      'bin',
      'dist',
      'examples',
      'package.json',
    ]);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(
      files.filter(name => name.startsWith('dist') && name.endsWith('.ts') && !name.endsWith('.d.ts')),
    ).toEqual([]);
    expect(readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')).toContain(
      'Parts of thrift ',
    );
    // What Thrift brings for other transports.
    const code = files
      .filter(name => name.endsWith('.js'))
      .map(name => readFileSync(join(installed, name), 'utf8'));
    expect(code.join('')).not.toMatch(/isomorphic-ws|browser-or-node|WebSocketServer|uuid\/dist/);
    const manifest = readFileSync(join(installed, 'package.json'), 'utf8');
    expect(manifest).not.toMatch(/"source"|"dependencies"|"scripts"/);
    expect(JSON.parse(manifest)).toMatchObject({
      repository: {
        url: 'git+https://example.org/owner/name.git',
        directory: 'src/osquery-extension-ts',
      },
    });
    const packed = join(scratch, 'copy/src/osquery-extension-ts/package.json');
    expect(existsSync(`${packed}.kept`)).toBe(false);
    expect(readFileSync(packed, 'utf8')).toBe(readFileSync(join(home, 'package.json'), 'utf8'));
  });

  it('has 25 names at its root, types included', () => {
    const root = readFileSync(join(installed, 'dist/index.d.ts'), 'utf8');
    const names = [...root.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) => list!.split(','));
    expect(names.length).toBeGreaterThan(20);
    expect(names.length).toBeLessThanOrEqual(25);
    expect(root).not.toContain('export *');
  });

  it.each(nodes)('is imported and required by %s', async node => {
    const names = ['', '/build', '/encoded', '/events', '/protocol', '/server', '/types'].map(
      path => `osquery-extension-ts${path}`,
    );
    const print = 'console.log(JSON.stringify(all.map(m => Object.keys(m).sort())))';
    const esm = write(
      'list.mjs',
      `const all = await Promise.all(${JSON.stringify(names)}.map(n => import(n))); ${print}`,
    );
    const cjs = write('list.cjs', `const all = ${JSON.stringify(names)}.map(n => require(n)); ${print}`);
    const imported = await run(node, [esm]);
    const required = await run(node, ['--disable-warning=ExperimentalWarning', cjs]);
    expect(imported.stderr + required.stderr).toBe('');
    const lists = JSON.parse(imported.stdout) as string[][];
    const withoutMarks = (list: string[][]) => list.map(each => each.filter(name => name !== '__esModule'));
    expect(withoutMarks(JSON.parse(required.stdout) as string[][])).toEqual(lists);
    expect(lists[0]).toContain('main');
  });

  it.each(
    compilers.flatMap(tsc =>
      (['nodenext', 'node16', 'bundler'] as const).map(module => [module, tsc] as const),
    ),
  )(
    'has types for "moduleResolution": "%s" of %s',
    async (moduleResolution, tsc) => {
      const types = tsc.slice(0, tsc.lastIndexOf('/node_modules/') + '/node_modules/'.length);
      cpSync(example, join(project, 'shelf.mts'));
      // CommonJS, as far as TypeScript goes.
      const script =
        "import { ExtensionManagerClient } from 'osquery-extension-ts';\nexport const path: string = new ExtensionManagerClient({ socketPath: '/x' }).socketPath;\n";
      const files = ['shelf.mts'];
      if (moduleResolution !== 'bundler') {
        write('script.cts', script);
        files.push('script.cts');
      }
      write(
        'wrong.mts',
        readFileSync(example, 'utf8')
          .replace("matches('id'", "matches('ident'")
          .replace('=> books.filter', '=> books.map(b => ({ ...b, isbn: 1 })).filter'),
      );
      const options = (list: readonly string[]) =>
        JSON.stringify({
          files: list,
          compilerOptions: {
            strict: true,
            noEmit: true,
            target: 'es2022',
            module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution,
            moduleResolution,
            typeRoots: [`${types}@types`],
            types: ['node'],
          },
        });
      write('tsconfig.json', options(files));
      const right = await run(process.execPath, [tsc, '-p', project]).catch(
        (error: { stdout: string }) => error,
      );
      expect(right.stdout).toBe('');
      write('tsconfig.json', options(['wrong.mts']));
      const wrong = await run(process.execPath, [tsc, '-p', project]).catch(
        (error: { stdout: string }) => error,
      );
      expect(wrong.stdout).toContain('the table has no column isbn; pickColumns leaves out other properties');
      expect(wrong.stdout).toContain('"ident"');
    },
    240_000,
  );

  it.each(
    nodes.flatMap(node => [
      ['import', 'test.mjs', node],
      ['require', 'test.cjs', node],
    ]),
  )('tests an extension, by %s in %s, with %s', async (way, name, node) => {
    // The optional package, from here: the registry need not be at hand.
    rmSync(join(project, 'node_modules/@sqlite.org'), { recursive: true, force: true });
    symlinkSync(join(root, 'node_modules/@sqlite.org'), join(project, 'node_modules/@sqlite.org'));
    onTestFinished(() => rmSync(join(project, 'node_modules/@sqlite.org')));
    const names = (path: string, list: string): string =>
      way === 'import' ? `import ${list} from '${path}';` : `const ${list} = require('${path}');`;
    const script = write(
      name,
      `${names('osquery-extension-ts', '{ TablePlugin }')}
      ${names('osquery-extension-ts/testing', '{ startTestCore }')}
      const columns = [{ name: 'a', type: 'BIGINT' }];
      const plugins = [new TablePlugin({ name: 't', columns }, { generate: () => [{ a: 1 }, { a: 2 }] })];
      startTestCore({ plugins }).then(async core => {
        console.log(JSON.stringify(await core.query('SELECT sum(a) AS sum FROM t')));
        await core.close();
      });`,
    );
    const { stdout, stderr } = await run(node, ['--disable-warning=ExperimentalWarning', script]);
    expect(stderr).toBe('');
    expect(stdout).toBe('[{"sum":"3"}]\n');
  });

  it('says in a line that a Node is too old', async ({ skip }) => {
    const { stdout } = await run('node', ['--version'], {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    }).catch(() => ({ stdout: '' }));
    const [, major = '99'] = /^v(\d+)/.exec(stdout) ?? [];
    if (Number(major) >= 22) skip('no Node before 22 on this machine');
    const script = write(
      'old.mjs',
      "await import('osquery-extension-ts').catch(error => console.log(error.stack));",
    );
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
    const line = /^osquery-extension-ts needs Node 22\.12 or later; this is Node \d+\.\d+\.\d+, \S+\n$/;
    expect((await run('node', [script], { env })).stdout).toMatch(line);
    const bin = run('node', [join(installed, 'bin/osquery-extension-ts.js'), 'new', 'x'], { env });
    await expect(bin).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(line) });
  });

  const installedPrograms = nodes.flatMap(node => [
    ['in TypeScript', [], join(project, 'shelf.mts'), node] as const,
    ['in JavaScript, by require', [], join(project, 'shelf.cjs'), node] as const,
  ]);
  it.each([
    ['from its sources', ['--conditions=source'], example, process.execPath] as const,
    ...installedPrograms,
  ])(
    'runs the example of the README as osqueryd would, %s, %s %s with %s',
    async (_, conditions, path, node) => {
      if (path.endsWith('.mts')) cpSync(example, path);
      if (path.endsWith('.cjs')) {
        // What TypeScript makes of it: without types, and without `await` outside a function.
        const script = stripTypeScriptTypes(readFileSync(example, 'utf8'))
          .replace(/^import (.*) from (.*);$/gm, 'const $1 = require($2);')
          .replace('await main(', 'main(');
        writeFileSync(path, script);
      }
      const core = await startFakeCore();
      const child = spawn(
        node,
        [
          '--disable-warning=ExperimentalWarning',
          ...conditions,
          path,
          '--socket',
          core.socketPath,
          '--timeout',
          '3',
          '--interval',
          '3',
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      onTestFinished(() => {
        child.kill('SIGKILL');
      });
      let output = '';
      child.stdout.on('data', chunk => {
        output += String(chunk);
      });
      child.stderr.on('data', chunk => {
        output += String(chunk);
      });
      const exit = once(child, 'exit');
      await Promise.race([until(() => core.registered.size === 1), exit]);
      const uuid = [...core.registered.keys()][0];
      const socketPath = `${core.socketPath}.${uuid}`;
      const client = new ExtensionClient({ socketPath });
      onTestFinished(() => client.close());
      // It registers first and listens then.
      const answers = (): Promise<boolean> =>
        client.ping().then(
          () => true,
          () => false,
        );
      await Promise.race([vi.waitUntil(answers, { timeout: 10_000 }), exit]);
      const generate = (constraints: object[]) =>
        client.call('table', 'shelf', { action: 'generate', context: JSON.stringify({ constraints }) });
      expect(await generate([])).toMatchObject([
        { id: '1', title: 'Dune', price: '9.5' },
        { id: '2', title: 'Solaris' },
      ]);
      expect(
        await generate([{ name: 'id', affinity: 'BIGINT', list: [{ op: 2, expr: '2' }] }]),
      ).toMatchObject([{ id: '2', title: 'Solaris' }]);
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      expect(output).toBe('');
      expect(core.registered.size).toBe(0);
      expect(existsSync(socketPath)).toBe(false);
    },
  );

  it.each(nodes)(
    'writes a project that passes its test, and builds it into one file, with %s',
    async node => {
      const bin = join(installed, 'bin/osquery-extension-ts.js');
      const cwd = scratch;
      const own = join(scratch, 'dir_files');
      rmSync(own, { recursive: true, force: true });
      await run(node, [bin, 'new', 'dir_files'], { cwd });
      // What the registry would give is here: it need not be at hand.
      const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
      writeFileSync(
        join(own, 'package.json'),
        JSON.stringify({ ...manifest, dependencies: {}, devDependencies: {} }),
      );
      await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: own });
      for (const name of ['@sqlite.org', '@types', 'esbuild', 'postject', 'typescript', 'undici-types']) {
        symlinkSync(join(root, 'node_modules', name), join(own, 'node_modules', name));
      }
      const path = `${join(own, 'node_modules/.bin')}:${dirname(node)}:${process.env.PATH}`;
      const npm = (script: string) =>
        run('npm', ['run', '-s', script], { cwd: own, env: { ...process.env, PATH: path } });
      await run(process.execPath, [compilers[0]!, '-p', own]);
      expect((await npm('test')).stdout).toMatch(/pass 1\n[\s\S]*fail 0/);
      expect((await npm('build')).stdout).toMatch(
        /dist\/dir_files\.ext: \d+ MB, with Node \d+\.\d+\.\d+ for /,
      );
      const file = join(own, 'dist/dir_files.ext');
      expect(statSync(file).mode & 0o777).toBe(0o755);
      expect(readdirSync(dirname(file))).toEqual(['dir_files.ext']);
      rmSync(join(own, 'node_modules'), { recursive: true });

      await using started = await startCore();
      const child = spawn(file, ['--socket', started.core.socketPath], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      onTestFinished(() => {
        child.kill('SIGKILL');
      });
      const exit = once(child, 'exit');
      const sql = `SELECT size FROM dir_files WHERE directory = '${own}' AND name = 'package.json'`;
      const size = async () => (await started.core.query(sql).catch(() => ({ rows: [] }))).rows[0]?.size;
      await expect.poll(size, PATIENCE).toBe(String(statSync(join(own, 'package.json')).size));
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
    },
    180_000,
  );

  it('has a reference of every name that it exports, as it is', () => {
    const isThat = readFileSync(join(home, 'REFERENCE.md'), 'utf8') === referenceOf(join(installed, 'dist'));
    if (!isThat)
      throw new Error('REFERENCE.md is of other declarations: npm run reference -w osquery-extension-ts');
  });

  it('shows in the README what it runs', () => {
    expect(readFileSync(join(home, 'README.md'), 'utf8')).toContain(readFileSync(example, 'utf8'));
  });
});
