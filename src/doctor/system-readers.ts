import { resolve } from 'node:path';
import { AUDIT_CONTROL_PATH } from '../openbsm/audit-control.ts';
import { readHostFacts } from '../runtime/host-facts.ts';
import { readAudit } from './readers/read-audit.ts';
import { readBoot } from './readers/read-boot.ts';
import { readConfig } from './readers/read-config.ts';
import { readCore } from './readers/read-core.ts';
import { readExtensionFiles } from './readers/read-extension-files.ts';
import { readFlags } from './readers/read-flags.ts';
import { readProcesses } from './readers/read-processes.ts';
import { readSecurity } from './readers/read-security.ts';
import { readSystem } from './readers/read-system.ts';
import { readText } from './readers/read-text.ts';
import { readUnaudited } from './readers/read-unaudited.ts';
import type { Readers } from './run-doctor.ts';
import { runSelfTest } from './self-test/run-self-test.ts';

const ROOT = '/';
/** Milliseconds that the self-test waits for its row. */
const PATIENCE_MS = 10_000;
const MAX_AUDIT_CONTROL_BYTES = 1024 * 1024;

/** Options of the readers. */
export interface SystemReaderOptions {
  /** The file of --ext. */
  readonly extension: string | undefined;
  /** osquery's flags given by hand, by name, as canonical text. */
  readonly given: ReadonlyMap<string, string>;
  /** The flags say how osqueryd is started, so no flagfile is searched for. */
  readonly isStart: boolean;
}

/**
 * The readers of this system.
 *
 * @param signal ends the self-test
 */
export const systemReaders = (args: SystemReaderOptions, signal: AbortSignal): Readers => ({
  host: readHostFacts,
  flags: () => {
    if (args.isStart) return { kind: 'given', values: args.given };
    const flags = readFlags(ROOT);
    return flags.kind === 'file' ? { ...flags, values: new Map([...flags.values, ...args.given]) } : flags;
  },
  core: readCore,
  processes: () => readProcesses(ROOT),
  boot: () => readBoot(ROOT),
  system: () => readSystem(ROOT),
  unaudited: () => readUnaudited(ROOT),
  security: () => readSecurity(ROOT),
  audit: () => readAudit(),
  config: path =>
    readConfig({
      root: ROOT,
      path: resolve(args.given.get('config_path') ?? path),
      platform: process.platform,
    }),
  extension: loadPath =>
    readExtensionFiles({
      root: ROOT,
      loadPath: resolve(args.given.get('extensions_autoload') ?? loadPath),
      given: args.extension === undefined ? undefined : resolve(args.extension),
    }),
  auditControl: () => {
    const reading = readText(AUDIT_CONTROL_PATH, MAX_AUDIT_CONTROL_BYTES);
    return reading.kind === 'read' ? reading.text : undefined;
  },
  selfTest: plan => runSelfTest(plan, { patienceMs: PATIENCE_MS, signal }, readAudit),
});
