import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleModule } from 'osquery-extension-ts/build';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../../src/osquery-extension-ts/src/cli.ts';
import { DEVELOPMENT } from '../../src/osquery-extension-ts/src/new-project.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'oext-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

const cli = async (...argv: string[]) => {
  let out = '';
  let error = '';
  const status = await runCli(argv, {
    out: text => {
      out += text;
    },
    error: text => {
      error += text;
    },
  });
  return { status, out, error };
};

describe('the commands', () => {
  it('say how they are used', async () => {
    for (const argv of [[], ['--help']]) {
      expect(await cli(...argv)).toMatchObject({ status: 0, out: expect.stringContaining('new NAME') });
    }
    expect(await cli('--version')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it.each([
    [['biuld', 'a.ts'], 'expected the command new or build, got biuld'],
    [['build'], 'build: expected the file of a program, got nothing'],
    [['new', 'a', 'b'], 'new: expected a name, got a b'],
    [['new', 'a', '--node', 'x'], 'new: --output and --node are for build'],
    [['build', 'a.ts', '--out', 'x'], "Unknown option '--out'"],
  ])('%s is told what was expected', async (argv, what) => {
    const { status, error } = await cli(...argv);
    expect(status).toBe(2);
    expect(error).toContain(what);
  });

  it('do not overwrite, and take names that can be those of tables', async () => {
    const taken = directory();
    for (const [name, what] of [
      [taken, 'expected a name of lower-case letters'],
      ['Upper', 'expected a name of lower-case letters'],
      ['src', 'src exists already; expected an unused name'],
    ] as const) {
      const { status, error } = await cli('new', name);
      expect(status).toBe(1);
      expect(error).toContain(what);
    }
    expect(readdirSync(taken)).toEqual([]);
  });

  it('say what cannot be built, and leave nothing behind', async () => {
    const home = directory();
    const program = join(home, 'program.ts');
    writeFileSync(program, "import { nothing } from 'no-such-package';\nnothing();\n");
    const output = join(home, 'program.ext');
    for (const [argv, what] of [
      [[join(home, 'none.ts')], `expected a program at ${join(home, 'none.ts')}`],
      [[program, '--output', join(home, 'program')], '--output: expected a name that ends in .ext'],
      [
        [program, '--output', output, '--node', join(home, 'node')],
        `expected a Node at ${join(home, 'node')}`,
      ],
      [[program, '--output', output], 'Could not resolve "no-such-package"'],
    ] as const) {
      const { status, error } = await cli('build', ...argv);
      expect(error).toContain(what);
      expect(status).toBe(1);
    }
    expect(readdirSync(home)).toEqual(['program.ts']);
    expect(existsSync(output)).toBe(false);
  });
});

describe('a new project', () => {
  it('is written with the versions that this one is tested with', () => {
    const { devDependencies, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const [name, version] of Object.entries(DEVELOPMENT)) {
      expect(version.replace('^', '')).toBe({ ...devDependencies, ...dependencies }[name]);
    }
  });
});

describe('the script of a program', () => {
  it('may wait at its top level, export, use modules of both kinds, and know where it is', async () => {
    const home = directory();
    const write = (name: string, text: string): void => writeFileSync(join(home, name), text);
    write('package.json', '{ "type": "module" }');
    write('old.cjs', "const { sep } = require('path'); module.exports = { sep };");
    write('late.ts', "export const late: string = await Promise.resolve('late');");
    write(
      'program.ts',
      `import { basename } from 'node:path';
      import * as os from 'os';
      import old from './old.cjs';
      import { late } from './late.ts';
      export const text = \`import x from "y";\n\${late}\`;
      const { inspect } = await import('node:util');
      globalThis.seen = [text, old.sep, os.EOL, basename('/a/b'), inspect(1), import.meta.url, import.meta.main];`,
    );
    const script = await bundleModule({ root: home, entry: 'program.ts', format: 'program' });
    expect(script).not.toContain(home);
    const seen = await new Promise(resolve => {
      Object.defineProperty(globalThis, 'seen', { set: resolve, configurable: true });
      new Function(script)();
    });
    onTestFinished(() => {
      Reflect.deleteProperty(globalThis, 'seen');
    });
    expect(seen).toEqual([
      'import x from "y";\nlate',
      '/',
      '\n',
      'b',
      '1',
      expect.stringMatching(/^file:\/\/\/.*node$/),
      true,
    ]);
  });
});
