import type { ColumnFacts } from './column-facts.ts';

const LOST = 'the SYSCALL record lacks it';
const OLD = 'the event comes from a log of another boot, or of another host';

/** Columns that every event table has. */
export const eventFacts = {
  time: { is: 'When it happened, in seconds since 1970.', from: 'the header `audit(SECONDS.MS:SERIAL)`' },
  uptime: {
    is: 'Seconds that the host had been up.',
    from: '`time` and the boot time',
    nullIf: OLD,
    example: '81372',
  },
  eid: { is: 'Number of the row in its table, with ten digits: it orders rows.', from: 'counted here' },
  audit_id: {
    is: 'Timestamp and serial of the event: what `ausearch -a` finds it by.',
    from: 'the header `audit(SECONDS.MS:SERIAL)`',
  },
  node: {
    is: 'Host named in a log.',
    from: '`node=` in front of a logged record',
    nullIf: 'the event comes from the kernel, or the log names no host',
    example: 'web1',
  },
} as const satisfies Readonly<Record<string, ColumnFacts>>;

/** Columns of tables with events that audit cannot see. */
export const witnessFacts = {
  audit_id: {
    ...eventFacts.audit_id,
    nullIf: 'audit did not see the event: `source` is `bpf`',
  },
  source: {
    is: '`audit`, or `bpf` if audit cannot see the process, because it is older than audit.',
    from: 'who has told of the event',
  },
} as const satisfies Readonly<Record<string, ColumnFacts>>;

/** Columns of who acted. */
export const actorFacts = {
  auid: {
    is: 'Login user: who logged in, whatever he has become since. 4294967295: nobody logged in (services, boot).',
    from: 'SYSCALL auid',
  },
  uid: { is: 'Real user.', from: 'SYSCALL uid' },
  euid: { is: 'Effective user: whose privileges count.', from: 'SYSCALL euid' },
  gid: { is: 'Real group.', from: 'SYSCALL gid' },
  egid: { is: 'Effective group.', from: 'SYSCALL egid' },
  fsuid: { is: 'User for access to files.', from: 'SYSCALL fsuid', nullIf: LOST },
  suid: { is: 'Saved user.', from: 'SYSCALL suid', nullIf: LOST },
  fsgid: { is: 'Group for access to files.', from: 'SYSCALL fsgid', nullIf: LOST },
  sgid: { is: 'Saved group.', from: 'SYSCALL sgid', nullIf: LOST },
  comm: {
    is: 'Name of the thread: at most 15 bytes, which it can choose.',
    from: 'SYSCALL comm',
    nullIf: LOST,
  },
  tty: { is: 'Terminal of the session.', from: 'SYSCALL tty', nullIf: 'there is none', example: 'pts0' },
  ses: {
    is: 'Audit session: the same number from a login to its logout. 4294967295: none.',
    from: 'SYSCALL ses',
    nullIf: LOST,
  },
  exit: { is: 'What the system call returned; negative: an errno.', from: 'SYSCALL exit' },
} as const satisfies Readonly<Record<string, ColumnFacts>>;

/** When columns of the Event Model in other tables have values. */
export const ON_DEMAND = '`custom_audit_telemetry` is off and no query has named the column yet';

const NO_CONTAINER =
  'the process was in no container, or BPF did not tell of it and it was gone before it was looked at';
const UNTOLD = `${NO_CONTAINER}; or the runtime has not left it on disk`;
const NO_POD = `${NO_CONTAINER}; or the container belongs to no Kubernetes pod`;

/** Columns of the container of a process. */
export const containerFacts = {
  container_id: {
    is: 'Id of the container: 64 hex digits; of systemd-nspawn and LXC its name.',
    from: 'the cgroup, by BPF at the exec or from `/proc/PID/cgroup`',
    nullIf: NO_CONTAINER,
    example: '3f2a9c0d…',
  },
  container_runtime: {
    is: 'Its runtime: `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `systemd-nspawn`; `kubernetes` if only the pod is known.',
    from: 'the cgroup, by BPF at the exec or from `/proc/PID/cgroup`',
    nullIf: `${NO_CONTAINER}; or the cgroup does not tell`,
    example: 'containerd',
  },
  container_name: {
    is: 'Its name.',
    from: "the runtime's files on disk",
    nullIf: UNTOLD,
    example: 'shop-db',
  },
  container_image: {
    is: 'Its image as it was asked for.',
    from: "the runtime's files on disk, or containerd's socket",
    nullIf: UNTOLD,
    example: 'docker.io/library/postgres:17',
  },
  container_image_digest: {
    is: "Digest of the image's manifest.",
    from: "the runtime's files on disk, or containerd's socket",
    nullIf: `${UNTOLD}; or the image was built here and never pulled`,
    example: 'sha256:9c8a…',
  },
  pod_uid: {
    is: 'Id of the Kubernetes pod.',
    from: 'the cgroup, by BPF at the exec or from `/proc/PID/cgroup`',
    nullIf: NO_POD,
    example: '0c2e7a86-5d7a-4c35-8a0e-f6a5a1f3c1b2',
  },
  pod_name: {
    is: 'Name of the pod.',
    from: "the runtime's files on disk",
    nullIf: NO_POD,
    example: 'shop-5d9c7',
  },
  pod_namespace: {
    is: 'Kubernetes namespace of the pod.',
    from: "the runtime's files on disk",
    nullIf: NO_POD,
    example: 'shop',
  },
} as const satisfies Readonly<Record<string, ColumnFacts>>;

/** The same facts, with one more reason for NULL. */
export const orNullIf = <Name extends string>(
  facts: Readonly<Record<Name, ColumnFacts>>,
  reason: string,
): Readonly<Record<Name, ColumnFacts>> =>
  Object.fromEntries(
    Object.entries<ColumnFacts>(facts).map(([name, each]) => [
      name,
      { ...each, nullIf: each.nullIf === undefined ? reason : `${each.nullIf}; or ${reason}` },
    ]),
  ) as Record<Name, ColumnFacts>;
