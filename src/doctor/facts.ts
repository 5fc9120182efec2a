import type { AuditStatus } from '../audit/control/status.ts';
import type { SocketUser } from '../model/sockets/socket-users.ts';
import type { HostFacts } from '../runtime/host-facts.ts';
import type { CheckResult } from './check-result.ts';
import type { SelfTestResult } from './self-test/self-test-result.ts';

/** The flags that osquery is started with, as far as they can be read. */
export type FlagFacts =
  /** Given to the doctor itself, on its command line or by its --flagfile. */
  | { readonly kind: 'given'; readonly values: ReadonlyMap<string, string> }
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Canonical text by name; flags that are not set are absent. */
      readonly values: ReadonlyMap<string, string>;
      /** Lines that osquery skips in silence, one message each. */
      readonly problems: readonly string[];
    }
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };

export interface ScheduledQuery {
  readonly name: string;
  readonly sql: string;
  /** Seconds. */
  readonly interval: number;
  /** Osquery took it out of the schedule for a day, because it used too much. */
  readonly denylisted: boolean;
}

export interface RegisteredTable {
  readonly name: string;
  /** The table belongs to core and not to an extension. */
  readonly native: boolean;
}

/** A core that answers. What it does not tell is undefined. */
export interface RunningCore {
  readonly kind: 'running';
  readonly path: string;
  readonly version: string | undefined;
  readonly pid: number | undefined;
  readonly configValid: boolean | undefined;
  readonly options: ReadonlyMap<string, string>;
  /** Registered extensions: version by name. */
  readonly extensions: ReadonlyMap<string, string>;
  readonly tables: readonly RegisteredTable[] | undefined;
  readonly schedule: readonly ScheduledQuery[] | undefined;
  /** The extension's column `bpf`: how BPF programs see sockets, or `off: ` and why there are none. */
  readonly bpf?: string | undefined;
}

export type CoreFacts =
  | RunningCore
  /** There is nothing at the default path of osquery's socket. */
  | { readonly kind: 'absent'; readonly path: string }
  | {
      readonly kind: 'unreachable';
      readonly path: string;
      readonly why: string;
      /** This user may not ask, but another may. */
      readonly denied: boolean;
    };

export interface ProcessFacts {
  /** comm by pid, without this process. The kernel keeps 15 bytes of a name. */
  readonly names: ReadonlyMap<number, string>;
  /** Those of them that an ordinary user runs, who can choose their names: neither root nor the user who asks. */
  readonly ofUsers: ReadonlySet<number>;
  /** Instances of ours among them that cannot change audit: they read files, or have given up CAP_AUDIT_CONTROL. */
  readonly withoutAudit?: ReadonlySet<number>;
  /** false if procfs shows only this user's processes, or is missing. */
  readonly complete: boolean;
}

export interface BootFacts {
  /** Links that start auditd at boot. */
  readonly starters: readonly string[];
  /** systemd's unit is masked, which overrides any link to it. */
  readonly masked: boolean;
}

export type AuditFacts =
  | {
      readonly kind: 'read';
      readonly status: AuditStatus;
      /** One struct audit_rule_data each, in the kernel's order. */
      readonly rules: readonly Uint8Array[];
    }
  | { readonly kind: 'unreadable'; readonly why: string };

export type ConfigFacts =
  | {
      readonly kind: 'read';
      readonly path: string;
      /** The `options` of the configuration, as text. */
      readonly options: ReadonlyMap<string, string>;
      readonly queries: readonly ScheduledQuery[];
      /** Patterns of `file_paths`, and queries of `file_paths_query`, packs included. */
      readonly filePaths: number;
      /** Files and packs that could not be used, one message each. */
      readonly problems: readonly string[];
    }
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };

/** The parts of the kernel that report to audit by themselves; undefined if the kernel does not list them. */
export interface SecurityFacts {
  /** Linux Security Modules that are active: `selinux`, `apparmor` … */
  readonly modules: readonly string[] | undefined;
  /** Actions of seccomp filters that the kernel may log. */
  readonly loggedActions: readonly string[] | undefined;
}

/** A file that osqueryd should start, with the properties that osqueryd checks first. */
export type ExtensionFile =
  | {
      readonly kind: 'found';
      readonly path: string;
      readonly isFile: boolean;
      readonly uid: number;
      /** Permission bits. */
      readonly mode: number;
      readonly directoryMode: number;
    }
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };

export interface ExtensionFacts {
  readonly load:
    | { readonly kind: 'read'; readonly path: string; readonly names: readonly string[] }
    | { readonly kind: 'missing'; readonly path: string }
    | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };
  /** The file given with --ext. */
  readonly given: string | undefined;
  /** Our files among those that the load file names, and the given one. */
  readonly files: readonly ExtensionFile[];
}

/** The distribution, and how its kernel was started. */
export interface SystemFacts {
  /** `ID` of os-release, then those of `ID_LIKE`: `ubuntu`, `debian`. */
  readonly ids: readonly string[];
  /** rpm-ostree has the command line of the kernel: Fedora CoreOS, Silverblue … */
  readonly isOstree: boolean;
  /** The root file system is changed by transactional-update: openSUSE MicroOS, SLE Micro. */
  readonly isTransactional: boolean;
  /** The kernel was started with audit=1, so that audit can see every process. */
  readonly auditsFromBoot: boolean;
}

/** The running processes whose system calls audit cannot record, because they are older than its first use since boot. */
export type UnauditedFacts =
  | {
      readonly kind: 'known';
      readonly processes: number;
      /** All of them by name, the largest users of sockets first. */
      readonly users: readonly SocketUser[];
    }
  /** `why` is the end of a sentence. */
  | { readonly kind: 'unknown'; readonly why: string };

/** All input of the checks. */
export interface Facts {
  readonly host: HostFacts;
  readonly flags: FlagFacts;
  readonly core: CoreFacts;
  readonly processes: ProcessFacts;
  readonly boot: BootFacts;
  readonly system: SystemFacts;
  readonly unaudited: UnauditedFacts;
  readonly security: SecurityFacts;
  readonly audit: AuditFacts;
  readonly config: ConfigFacts;
  readonly extension: ExtensionFacts;
  /** macOS: the text of audit_control(5); undefined if there is none. */
  readonly auditControl: string | undefined;
  readonly selfTest: SelfTestResult;
}

/** The facts that are read; only the self-test depends on all of them. */
export type ReadFacts = Omit<Facts, 'selfTest'>;

/** One subject of the report. */
export type Check = (facts: Facts) => readonly CheckResult[];
