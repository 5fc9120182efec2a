import type { HostFacts } from '../runtime/host-facts.ts';
import type { CheckResult } from './check-result.ts';
import { allChecks } from './checks/all-checks.ts';
import type {
  AuditFacts,
  BootFacts,
  Check,
  ConfigFacts,
  CoreFacts,
  ExtensionFacts,
  Facts,
  FlagFacts,
  ProcessFacts,
  ReadFacts,
  SecurityFacts,
  SystemFacts,
  UnauditedFacts,
} from './facts.ts';
import { effectiveFlag } from './flag-view.ts';
import { DEFAULT_SOCKET } from './readers/read-core.ts';
import { planSelfTest } from './self-test/plan-self-test.ts';
import type { SelfTestPlan, SelfTestResult } from './self-test/self-test-result.ts';

/** Sources of the facts. They report what they find, or do not find, and never throw for it. */
export interface Readers {
  host(): HostFacts;
  flags(): FlagFacts;
  core(socket: { readonly socketPath: string; readonly expected: boolean }): Promise<CoreFacts>;
  processes(): ProcessFacts;
  boot(): BootFacts;
  system(): SystemFacts;
  unaudited(): Promise<UnauditedFacts>;
  security(): SecurityFacts;
  audit(): Promise<AuditFacts>;
  config(path: string): ConfigFacts;
  extension(loadPath: string): ExtensionFacts;
  auditControl(): string | undefined;
  selfTest(plan: SelfTestPlan): Promise<SelfTestResult>;
}

export interface DoctorOptions {
  /** From --socket; without it osquery's own flag or default counts. */
  readonly socketPath: string | undefined;
  readonly readers: Readers;
  readonly checks?: readonly Check[];
}

/** Gathers the facts and runs every check on them. */
export const runDoctor = async (options: DoctorOptions): Promise<readonly CheckResult[]> => {
  const facts = await gatherFacts(options);
  return (options.checks ?? allChecks).flatMap(check => check(facts));
};

const gatherFacts = async ({ socketPath, readers }: DoctorOptions): Promise<Facts> => {
  const host = readers.host();
  const flags = readers.flags();
  const named = socketPath ?? effectiveFlag({ flags }, 'extensions_socket');
  const core = await readers.core({
    socketPath: named ?? DEFAULT_SOCKET,
    expected: socketPath !== undefined || (named !== undefined && named !== DEFAULT_SOCKET),
  });
  const known = { flags, core };
  const read: ReadFacts = {
    host,
    flags,
    core,
    processes: readers.processes(),
    boot: readers.boot(),
    system: readers.system(),
    unaudited: await readers.unaudited(),
    security: readers.security(),
    audit: await readers.audit(),
    config: readers.config(effectiveFlag(known, 'config_path') ?? '/etc/osquery/osquery.conf'),
    extension: readers.extension(
      effectiveFlag(known, 'extensions_autoload') ?? '/etc/osquery/extensions.load',
    ),
    auditControl: readers.auditControl(),
  };
  return { ...read, selfTest: await readers.selfTest(planSelfTest(read)) };
};
