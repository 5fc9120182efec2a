import { resolve } from 'node:path';
import { exitStatus, printJson, printReport } from '../doctor/print-report.ts';
import { readAudit } from '../doctor/readers/read-audit.ts';
import { readBoot } from '../doctor/readers/read-boot.ts';
import { readConfig } from '../doctor/readers/read-config.ts';
import { readCore } from '../doctor/readers/read-core.ts';
import { readExtensionFiles } from '../doctor/readers/read-extension-files.ts';
import { readFlags } from '../doctor/readers/read-flags.ts';
import { readProcesses } from '../doctor/readers/read-processes.ts';
import { readText } from '../doctor/readers/read-text.ts';
import { runRepair } from '../doctor/repair/run-repair.ts';
import { type Readers, runDoctor } from '../doctor/run-doctor.ts';
import { runSelfTest } from '../doctor/self-test/run-self-test.ts';
import { AUDIT_CONTROL_PATH } from '../openbsm/audit-control.ts';
import { readHostFacts } from '../runtime/host-facts.ts';

export interface DoctorArgs {
  readonly socketPath: string | undefined;
  /** The file of --ext. */
  readonly extension: string | undefined;
  /** osquery's flags given by hand, by name, as canonical text. */
  readonly given: ReadonlyMap<string, string>;
  /** They say how osqueryd is started, so that no flagfile is looked for. */
  readonly isStart: boolean;
  readonly json: boolean;
}

const ROOT = '/';
/** Milliseconds that the self-test waits for its row. */
const PATIENCE_MS = 10_000;
const MAX_AUDIT_CONTROL_BYTES = 1024 * 1024;

/** Prints the report and resolves with the exit status: 1 if there is a problem. */
export const runDoctorCommand = async (args: DoctorArgs): Promise<number> => {
  const stop = new AbortController();
  // An interrupted self-test has to put audit back first.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  const results = await runDoctor({
    socketPath: args.socketPath,
    readers: systemReaders(args, stop.signal),
  });
  process.stdout.write(args.json ? printJson(results) : printReport(results));
  return stop.signal.aborted ? 1 : exitStatus(results);
};

/** Prints what was repaired and resolves with the exit status: 0 only if all is known to be well now. */
export const runRepairCommand = async ({ json }: Pick<DoctorArgs, 'json'>): Promise<number> => {
  const results = await runRepair();
  process.stdout.write(json ? printJson(results) : printReport(results));
  return results.every(({ status }) => status === 'ok') ? 0 : 1;
};

const systemReaders = (args: DoctorArgs, signal: AbortSignal): Readers => ({
  host: readHostFacts,
  flags: () => {
    if (args.isStart) return { kind: 'given', values: args.given };
    const flags = readFlags(ROOT);
    return flags.kind === 'file' ? { ...flags, values: new Map([...flags.values, ...args.given]) } : flags;
  },
  core: readCore,
  processes: () => readProcesses(ROOT),
  boot: () => readBoot(ROOT),
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
