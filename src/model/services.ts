import type { Socket } from 'node:net';
import { Accounts, type AccountsLimits } from './accounts/accounts.ts';
import { type AskNss, askGetent } from './accounts/getent.ts';
import { OtherAccounts } from './accounts/other-accounts.ts';
import { type Clock, systemClock } from './clock.ts';
import { CgroupFactsCache } from './container/cgroup-facts.ts';
import { KnownContainers } from './container/container-details.ts';
import { ProcessContainers } from './container/process-containers.ts';
import { HASH_LIMITS } from './hash/file-hasher.ts';
import { HashClient, type HashClientOptions } from './hash/hash-client.ts';
import type { StartedLook } from './looks/look-keeper.ts';
import { OwnMounts } from './looks/own-mounts.ts';
import { type ConnectorState, createConnectorState } from './process/connector-state.ts';
import { LiveProcesses } from './process/live-processes.ts';
import { Places } from './process/place.ts';
import { KernelProcessConnector, type ProcessConnector } from './process/process-connector.ts';
import { ProcessTree } from './process/process-tree.ts';
import type { ProcessTreeLimits } from './process/remembered-processes.ts';
import { BootTime } from './procfs/boot-time.ts';
import { ProcfsReader } from './procfs/reader.ts';
import { cachedHostName } from './sources/host.ts';

/** Everything has a default for the present host; tests and unusual hosts give their own. */
export interface ServiceOptions {
  readonly clock?: Clock | undefined;
  /** Default: `/proc`. */
  readonly procRoot?: string | undefined;
  /** Default: this platform. */
  readonly platform?: NodeJS.Platform | undefined;
  /** Whether fork, clone and vfork events are offered to the model; on macOS they always are. */
  readonly forkEvents?: boolean | undefined;
  /** Opens the kernel's process connector; null for none. */
  readonly openConnector?: (() => ProcessConnector) | null | undefined;
  /** Starts a process that runs `serveHashes`. */
  readonly startHashes?: ((limits: HashClientOptions['limits']) => StartedLook<Socket>) | undefined;
  /** Receives reasons why files cannot be looked at. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly askNss?: AskNss | undefined;
  readonly passwdPath?: string | undefined;
  readonly readHostName?: (() => string) | undefined;
  readonly processTreeLimits?: Partial<ProcessTreeLimits> | undefined;
  readonly hashLimits?: Partial<HashClientOptions['limits']> | undefined;
  readonly accountsLimits?: Partial<AccountsLimits> | undefined;
}

/** What the data sources of a live host share. Making it starts nothing. */
export interface LiveServices {
  readonly clock: Clock;
  readonly procfs: ProcfsReader;
  readonly tree: ProcessTree;
  readonly cgroups: CgroupFactsCache;
  readonly hasher: HashClient;
  readonly accounts: Accounts;
  readonly places: Places;
  readonly mounts: OwnMounts;
  readonly otherAccounts: OtherAccounts;
  readonly containers: KnownContainers;
  readonly processContainers: ProcessContainers;
  readonly forkEvents: boolean;
  readonly openConnector: (() => ProcessConnector) | undefined;
  /** Its state. */
  readonly connector: ConnectorState;
  hostName(): string | undefined;
}

export const createLiveServices = (options: ServiceOptions = {}): LiveServices => {
  const clock = options.clock ?? systemClock;
  // OpenBSM records every fork; the process connector exists only on Linux.
  const isDarwin = (options.platform ?? process.platform) === 'darwin';
  const procfs = new ProcfsReader(options.procRoot);
  const live = new LiveProcesses(procfs, new BootTime(procfs, clock));
  const hostName = cachedHostName(clock, options.readHostName);
  const hasher = new HashClient({
    clock,
    limits: { maxFileBytes: HASH_LIMITS.maxFileBytes, cpuPercent: 25, ...options.hashLimits },
    start: options.startHashes,
    warn: options.warn,
  });
  const tree = new ProcessTree(live, options.processTreeLimits, pid => hasher.argvOf(pid));
  const cgroups = new CgroupFactsCache();
  return {
    clock,
    procfs,
    tree,
    cgroups,
    hasher,
    accounts: new Accounts({
      clock,
      hostName,
      askNss: options.askNss ?? askGetent(),
      ...(options.passwdPath !== undefined && { passwdPath: options.passwdPath }),
      ...(options.accountsLimits && { limits: options.accountsLimits }),
    }),
    places: new Places(procfs),
    mounts: new OwnMounts(procfs, () => clock.monotonicMs()),
    otherAccounts: new OtherAccounts(clock, (request, owner) => hasher.accountsOf(request, owner)),
    containers: new KnownContainers(
      clock,
      request => hasher.containerDetails(request),
      request => hasher.askRuntime(request),
    ),
    processContainers: new ProcessContainers(tree, procfs, cgroups),
    forkEvents: isDarwin || (options.forkEvents ?? false),
    openConnector:
      options.openConnector === null
        ? undefined
        : (options.openConnector ?? (isDarwin ? undefined : KernelProcessConnector.open)),
    connector: createConnectorState(),
    hostName,
  };
};
