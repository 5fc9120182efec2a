/**
 * Builds dist/, the content of the published package: ES modules, their types, and the same for CommonJS. The parts
 * of Apache Thrift's `thrift` package that are used are bundled: the package itself would bring its HTTP and
 * WebSocket clients, and four more packages, into every extension.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const home = fileURLToPath(new URL('..', import.meta.url));
const dist = join(home, 'dist');
const require = createRequire(import.meta.url);
const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
/** "." is index, "./encoded" is encoded. */
const entries = Object.keys(exports)
  .filter(path => !path.endsWith('.json'))
  .map(path => path.slice(2) || 'index');

/** The entry that contains the core for tests. */
const TESTING = 'testing';

/** Directory of a bundled package. */
const packageDirectory = (name: string): string => {
  const main = require.resolve(name);
  return main.slice(0, main.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}`.length);
};

/**
 * Only the wire format of `thrift`, without parts that need other packages, and with Buffers created by today's API.
 */
const thriftParts: Plugin = {
  name: 'thrift-parts',
  setup({ onResolve, onLoad }) {
    const library = join(packageDirectory('thrift'), 'lib/nodejs/lib/thrift');
    onResolve({ filter: /^thrift$/ }, () => ({ path: 'thrift', namespace: 'parts' }));
    onLoad({ filter: /^thrift$/, namespace: 'parts' }, () => ({
      resolveDir: library,
      contents: `
        exports.Thrift = require('./thrift');
        exports.Int64 = require('node-int64');
        exports.TBinaryProtocol = require('./binary_protocol');
        exports.TBufferedTransport = require('./buffered_transport');
      `,
    }));
    // For a type that osquery does not use.
    onResolve({ filter: /^uuid$/ }, () => ({ path: 'uuid', namespace: 'parts' }));
    onLoad({ filter: /^uuid$/, namespace: 'parts' }, () => ({ contents: '' }));
    onLoad({ filter: /\/(thrift|node-int64)\/.*\.js$/ }, ({ path }) => ({
      contents: `
        const newBuffer = (from, encoding) =>
          typeof from === 'number' ? Buffer.alloc(from) : Buffer.from(from, encoding);
        ${readFileSync(path, 'utf8').replaceAll('new Buffer(', 'newBuffer(')}
      `,
    }));
  },
};

/** Makes it start its worker thread from the module bundled beside it. */
const bundledWorker: Plugin = {
  name: 'bundled-worker',
  setup({ onLoad }) {
    onLoad({ filter: /\/core\/sql\/sql-engine\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes("'./sql-worker.ts'"))
        throw new Error(`${path}: expected it to start ./sql-worker.ts`);
      return { contents: text.replace("'./sql-worker.ts'", "'./sql-worker.js'"), loader: 'ts' };
    });
  },
};

rmSync(dist, { recursive: true, force: true });
const common = {
  absWorkingDir: home,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  mainFields: ['main'],
  // Bundled CommonJS requires built-in modules.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  // Thrift's compiler writes a case twice.
  logOverride: { 'duplicate-case': 'silent' },
  logLevel: 'warning',
} as const satisfies BuildOptions;
await build({
  ...common,
  entryPoints: Object.fromEntries(
    [...entries.filter(name => name !== TESTING), 'cli'].map(name => [name, `src/${name}.ts`]),
  ),
  chunkNames: 'parts/[name]-[hash]',
  splitting: true,
  plugins: [thriftParts],
});
// The core for tests is this repository's own, and imports the package by its name.
await build({
  ...common,
  entryPoints: { [TESTING]: `src/${TESTING}.ts`, 'sql-worker': '../core/sql/sql-worker.ts' },
  external: ['osquery-extension-ts', 'osquery-extension-ts/*', '@sqlite.org/sqlite-wasm'],
  plugins: [bundledWorker],
});

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', join(home, 'tsconfig.build.json')], { stdio: 'inherit' });

// Its module is not compiled, because its imports are outside the package.
writeFileSync(
  join(dist, `${TESTING}.d.ts`),
  `/** A core for tests of extensions, in their own process. Needs the package \`@sqlite.org/sqlite-wasm\`. */\nexport type * from './testing/test-core.js';\n/** Starts a core in the process of a test. */\nexport declare const startTestCore: import('./testing/test-core.js').StartTestCore;\n`,
);

// TypeScript takes declarations below a package.json of type "commonjs" as CommonJS.
const cjs = join(dist, 'cjs');
const declarations = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.d.ts'),
);
for (const name of declarations) {
  mkdirSync(dirname(join(cjs, name)), { recursive: true });
  cpSync(join(dist, name), join(cjs, name));
}
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }\n');
for (const name of entries) {
  writeFileSync(join(cjs, `${name}.cjs`), `module.exports = require('../${name}.js');\n`);
}

const notices = ['thrift', 'node-int64'].map(name => {
  const directory = packageDirectory(name);
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    version: string;
  };
  const license = readFileSync(join(directory, 'LICENSE'), 'utf8');
  return `Parts of ${name} ${version} are contained in dist/. Its license:\n\n${license}`;
});
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), notices.join(`\n${'='.repeat(80)}\n\n`));
