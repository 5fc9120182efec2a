import { join } from 'node:path';

/** A module that the bundle contains instead of another. */
export interface Replacement {
  /** The import specifiers that it replaces. */
  readonly specifiers: readonly string[];
  /** Replaces only imports of modules whose path contains this; without it, imports of any module. */
  readonly importer?: string;
  /** The source of the module; `runtime` is the path of `src/runtime`. */
  readonly source: (runtime: string) => string;
  /** The file that it reads from the executable: its name there, and its path below node_modules. */
  readonly asset?: { readonly name: string; readonly file: string };
}

/**
 * Replaces what packages expect of a file system and a single executable does not have, and leaves out parts that are
 * not needed. For Linux on the given architecture, as `process.arch` names it.
 */
export const replacements = (arch: string): readonly Replacement[] => [
  koffi(arch),
  netlink(arch),
  netlinkProtocols,
  sqlite,
  jsoncParser,
  createRequire,
  thriftConnections,
];

/** Node's own Linux binaries are linked with glibc, so one of the package's two variants is enough. */
const koffi = (arch: string): Replacement => ({
  specifiers: ['./src/static.js'],
  importer: '/node_modules/koffi/',
  asset: {
    name: 'koffi.node',
    file: join('@koromix', `koffi-linux-${arch}`, `linux_${arch}`, 'koffi.node'),
  },
  source: runtime => `
    import { loadBundledAddon } from '${runtime}/native-addon.ts';
    export const loadStatic = () => loadBundledAddon('koffi.node');
  `,
});

const netlink = (arch: string): Replacement => ({
  specifiers: ['node-gyp-build'],
  importer: '/node_modules/netlink/',
  asset: { name: 'netlink.node', file: join('netlink', 'prebuilds', `linux-${arch}`, 'node.napi.node') },
  source: runtime => `
    const { loadBundledAddon } = require('${runtime}/native-addon.ts');
    module.exports = () => loadBundledAddon('netlink.node');
  `,
});

/** Protocols that are not used here. Their message tables would take memory in every process. */
const netlinkProtocols: Replacement = {
  specifiers: [
    './nl80211/nl80211',
    './nl80211/structs',
    './rt/rt',
    './rt/structs',
    './rt/ifla',
    './wg/wg',
    './wg/structs',
  ],
  importer: '/node_modules/netlink/dist/index.js',
  source: () => 'module.exports = {};',
};

/** SQLite's package reads the file from its own directory, unless it is given the bytes. */
const sqlite: Replacement = {
  specifiers: ['@sqlite.org/sqlite-wasm'],
  importer: '/src/core/',
  asset: { name: 'sqlite3.wasm', file: join('@sqlite.org', 'sqlite-wasm', 'dist', 'sqlite3.wasm') },
  source: runtime => `
    import { bundledAsset } from '${runtime}/bundled-asset.ts';
    import initialize from '@sqlite.org/sqlite-wasm';
    export default options => initialize({ wasmBinary: bundledAsset('sqlite3.wasm'), ...options });
  `,
};

/** The CommonJS form requires its parts in a way that bundlers cannot follow. */
const jsoncParser: Replacement = {
  specifiers: ['jsonc-parser'],
  importer: '/src/',
  source: () => "export { parse } from 'jsonc-parser/lib/esm/main.js';",
};

/** With Node's own createRequire, packages would look for modules in root's current directory, and run them. */
const createRequire: Replacement = {
  specifiers: ['module', 'node:module'],
  source: () => 'export const createRequire = () => name => process.getBuiltinModule(name);',
};

/** Only Thrift's wire format is used. Connections are our own, and this process must not be reachable by HTTP. */
const thriftConnections: Replacement = {
  specifiers: [
    './connection',
    './http_connection',
    './ws_connection',
    './xhr_connection',
    './server',
    './web_server',
  ],
  importer: '/node_modules/thrift/lib/nodejs/lib/thrift/index.js',
  source: () => 'module.exports = {};',
};
