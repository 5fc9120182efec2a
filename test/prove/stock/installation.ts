import { cpSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const ETC = '/etc/osquery/';
/** What osquery itself has elsewhere, so that nothing of the host is touched. */
const ELSEWHERE = ['database_path=db', 'logger_path=log', 'pidfile=pid', 'extensions_socket=core.em'];

export interface InstallationOptions {
  /** A directory that is there. */
  readonly root: string;
  /** The built extension. */
  readonly extension: string;
  /** Arguments that the extension gets before core's: what is given by hand wins over core's options. */
  readonly arguments?: readonly string[];
  /** The configuration; without it the one that comes with the packs, */
  readonly configuration?: object;
  /** and with these options, too. */
  readonly options?: Readonly<Record<string, string>>;
}

/** The extension set up for an osqueryd as the README says, below a directory instead of in the host's own. */
export class Installation {
  readonly root: string;
  readonly flagfile: string;
  readonly configurationPath: string;
  /** What osqueryd loads. */
  readonly extension: string;

  constructor(options: InstallationOptions) {
    const { root } = options;
    this.root = root;
    const etc = join(root, ETC);
    const lib = join(root, 'usr/lib/osquery');
    // osquery's packages make the directory of its log.
    for (const directory of [etc, lib, join(root, 'log')]) mkdirSync(directory, { recursive: true });
    this.extension = join(lib, 'osquery-audit-events.ext');
    if (options.arguments === undefined) linkSync(options.extension, this.extension);
    else writeFileSync(this.extension, script(options.extension, options.arguments), { mode: 0o755 });
    writeFileSync(join(etc, 'extensions.load'), `${this.extension}\n`);

    this.flagfile = join(etc, 'osquery.flags');
    const flags = ELSEWHERE.map(flag => `--${flag.replace('=', `=${root}/`)}\n`).join('');
    writeFileSync(this.flagfile, `${this.#below(readFileSync(project('osquery.flags'), 'utf8'))}\n${flags}`);

    cpSync(project('tables/packs'), join(etc, 'packs'), { recursive: true });
    this.configurationPath = join(etc, 'osquery.conf');
    if (options.configuration === undefined) {
      const shipped = JSON.parse(this.#below(readFileSync(project('tables/packs/osquery.conf'), 'utf8')));
      this.configure({ ...shipped, options: { ...shipped.options, ...options.options } });
    } else this.configure(options.configuration);
  }

  /** Writes the configuration anew; core reads it again with --config_refresh. */
  configure(configuration: object): void {
    writeFileSync(this.configurationPath, JSON.stringify(configuration, null, 2));
  }

  #below(text: string): string {
    return text.replaceAll(ETC, join(this.root, ETC));
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const script = (file: string, args: readonly string[]): string =>
  `#!/bin/sh\nexec ${[file, ...args].map(quoted).join(' ')} "$@"\n`;
