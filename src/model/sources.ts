import { systemClock } from './clock.ts';
import { ProcessTree } from './process/process-tree.ts';
import type { LiveServices } from './services.ts';
import type { FieldsOf } from './source.ts';
import { accountsSource } from './sources/accounts.ts';
import { auditSource } from './sources/audit.ts';
import { cgroupSource } from './sources/cgroup.ts';
import { containerSource } from './sources/container.ts';
import { containerDetailsSource } from './sources/container-details.ts';
import { hashSource } from './sources/hash.ts';
import { hostSource } from './sources/host.ts';
import { loginSource } from './sources/login.ts';
import { namespacesSource } from './sources/namespaces.ts';
import { parentHashSource } from './sources/parent-hash.ts';
import { placeSource } from './sources/place.ts';
import { type ProcessTreeSourceOptions, processTreeSource } from './sources/process-tree.ts';
import { recordedSource } from './sources/recorded.ts';

/** Sources that need only the event, of any host and any time. */
const eventSources = (tree: ProcessTreeSourceOptions) => [auditSource(), processTreeSource(tree)] as const;

/**
 * The data sources of a live host. To add one, add its file to sources/ and its line here; or above, if it needs only
 * the event.
 */
export const liveSources = (services: LiveServices) => {
  const { clock, procfs, tree, cgroups, hasher, accounts, connector, places, mounts } = services;
  const catchUp = (): void => connector.drain?.();
  return [
    ...eventSources(services),
    hostSource(services.hostName),
    cgroupSource(procfs, cgroups),
    containerSource(services.processContainers),
    containerDetailsSource(services.containers),
    placeSource(tree, places, mounts),
    namespacesSource(procfs),
    loginSource(procfs),
    accountsSource(accounts, places.areTold ? services.otherAccounts : undefined),
    hashSource(hasher, catchUp),
    parentHashSource(hasher, clock, catchUp),
  ] as const;
};

/**
 * The data sources of recorded events. These are of another time, perhaps of another host: what this host could add
 * would be a guess.
 */
export const replaySources = () =>
  [
    ...eventSources({ tree: new ProcessTree(undefined), clock: systemClock, forkEvents: true }),
    recordedSource(),
  ] as const;

/** Every field of a telemetry event. */
export type TelemetryFields = FieldsOf<ReturnType<typeof liveSources>>;
