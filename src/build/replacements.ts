import { join } from 'node:path';

/** A module that the bundle has in the place of another. */
export interface Replacement {
  /** The imports it stands for. */
  readonly specifiers: readonly string[];
  /** Part of the path of the modules whose imports are replaced; any module's if left out. */
  readonly importer?: string;
  /** The module; `runtime` is the path of `src/runtime`. */
  readonly source: (runtime: string) => string;
  /** The file that it takes out of the executable: its name there, and its path below node_modules. */
  readonly asset?: { readonly name: string; readonly file: string };
}

/**
 * What packages expect of a file system and a single executable does not have, and what of them it can do without. For
 * Linux machines of the given architecture, as `process.arch` names it.
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

/** Node's own Linux binaries are linked with glibc, so of the package's two variants one is enough. */
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

/** Protocols that nobody here speaks; their tables of messages would lie in the memory of each process. */
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

/** It reads the file from beside itself unless it is given the bytes. */
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

/** Its CommonJS form asks for its parts in a way that no bundler sees. */
const jsoncParser: Replacement = {
  specifiers: ['jsonc-parser'],
  importer: '/src/',
  source: () => "export { parse } from 'jsonc-parser/lib/esm/main.js';",
};

/** With Node's own, packages would look for others in the directory that root happens to be in, and run them. */
const createRequire: Replacement = {
  specifiers: ['module', 'node:module'],
  source: () => 'export const createRequire = () => name => process.getBuiltinModule(name);',
};

/** Of Thrift we use the wire format. Connections are our own, and nobody is to reach this process by HTTP. */
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
