import type { FlagDefinition } from './flag-definition.ts';

/** Prefix of all our own options: osquery passes on any option that starts with `custom_`. */
export const CUSTOM_PREFIX = 'custom_audit_';

/** Sources of events. `auto` takes the unicast stream, or the multicast copy if another process owns the stream. */
export const auditModes = ['auto', 'unicast', 'multicast'] as const;
export type AuditMode = (typeof auditModes)[number];

/** Whether BPF programs are loaded; `auto` where the kernel allows it. */
export const bpfModes = ['auto', 'off'] as const;
export type BpfMode = (typeof bpfModes)[number];

const MIB = 1n << 20n;

const limit = (
  name: string,
  defaultValue: bigint,
  range: readonly [bigint, bigint],
  facts: Pick<FlagDefinition, 'help' | 'cost'>,
): FlagDefinition => ({
  name: `${CUSTOM_PREFIX}${name}`,
  type: 'uint64',
  defaultValue: defaultValue.toString(),
  group: 'custom',
  ...facts,
  minimum: range[0],
  maximum: range[1],
});

/**
 * Our limits, one entry each: key in `AuditSettings.limits`, name of the option, default, range, and what it bounds.
 * To add a limit, add an entry.
 */
export const limitOptions = {
  receiveBufferBytes: limit('receive_buffer_bytes', 64n * MIB, [64n * 1024n, 1024n * MIB], {
    help: "Bytes of records that may wait in the kernel's socket buffer",
    cost: 'Kernel memory while records wait',
  }),
  eventRecords: limit('event_records', 8_192n, [16n, MIB], { help: 'Records of one event' }),
  eventsInFlight: limit('events_in_flight', 16_384n, [1n, MIB], {
    help: 'Events that wait for their last record',
  }),
  incompleteMilliseconds: limit('incomplete_ms', 2_000n, [10n, 300_000n], {
    help: 'Milliseconds that an event waits for its last record',
  }),
  eventBytes: limit('event_bytes', 16n * MIB, [65_536n, 256n * MIB], {
    help: 'Bytes of the records of one event',
    cost: 'Memory while the event waits',
  }),
  inFlightBytes: limit('in_flight_bytes', 64n * MIB, [MIB, 1024n * MIB], {
    help: 'Bytes of the records of all events that wait for their last one',
    cost: 'Memory while they wait',
  }),
  bufferBytes: limit('buffer_bytes', 8n * MIB, [MIB, 16_384n * MIB], {
    help: 'Bytes of memory for buffered events per table, compressed; at most eight times as many uncompressed. events_max bounds their number',
    cost: 'Memory, and as much on disk, for each of the event tables',
  }),
  rowBytes: limit('row_bytes', 262_144n, [131_072n, 16n * MIB], {
    help: 'Bytes of one row; a longer command line is cut',
    cost: 'Memory and log of long command lines',
  }),
  telemetryBudgetMilliseconds: limit('telemetry_budget_ms', 250n, [1n, 60_000n], {
    help: 'Milliseconds that a telemetry event waits for its slowest data source',
    cost: 'Rows of process_telemetry_events come that much later at worst',
  }),
  bridgeMilliseconds: limit('bridge_ms', 10_000n, [0n, 300_000n], {
    help: 'Milliseconds that audit keeps running for the next instance after this one was killed; 0: not at all',
    cost: 'A process of 2 MB',
  }),
  graceMilliseconds: limit('grace_ms', 10_000n, [0n, 600_000n], {
    help: 'Milliseconds that the audit socket of another process has to be without an owner before it is taken: a daemon that restarts has it back',
  }),
  hashFileBytes: limit('hash_file_bytes', 64n * MIB, [0n, 1_048_576n * MIB], {
    help: 'Bytes of the largest program file that is hashed',
    cost: 'CPU of each MB, once for each version of a file',
  }),
  hashCpuPercent: limit('hash_cpu', 25n, [1n, 100n], {
    help: 'Percent of a CPU that hashing may use on average; up to two seconds of CPU are saved up for bursts',
    cost: 'CPU',
  }),
  healthSeconds: limit('health_interval', 0n, [0n, 604_800n], {
    help: "Seconds between two lines in osquery's log about events, losses and cost, to the minute, as 3600; 0: none",
    cost: "A line in osquery's log",
  }),
} as const satisfies Readonly<Record<string, FlagDefinition>>;

export type LimitName = keyof typeof limitOptions;

export const customOptions: readonly FlagDefinition[] = [
  {
    name: `${CUSTOM_PREFIX}mode`,
    type: 'string',
    defaultValue: 'auto',
    group: 'custom',
    words: auditModes,
    valueName: 'MODE',
    help: 'Stream to read: unicast, multicast (shared with auditd), or auto: unicast unless another process owns it',
  },
  {
    name: `${CUSTOM_PREFIX}telemetry`,
    type: 'bool',
    defaultValue: 'true',
    group: 'custom',
    help: 'Build process_telemetry_events: accounts, hashes, parents and containers of each execution',
    cost: 'CPU of each exec, as bench exec-cpu shows, and two processes of 11 to 19 MB that look at files',
  },
  {
    name: `${CUSTOM_PREFIX}socket_lookup`,
    type: 'bool',
    defaultValue: 'true',
    group: 'custom',
    help: 'Look up the local end and the protocol of connections, which audit does not record, for socket_events',
    cost: 'CPU: up to 2,000 look-ups a second',
  },
  {
    name: `${CUSTOM_PREFIX}bpf`,
    type: 'string',
    defaultValue: 'auto',
    group: 'custom',
    words: bpfModes,
    valueName: 'MODE',
    help: 'Load BPF programs that tell what audit does not record, as the local ends of connections: auto (where the kernel allows it) or off',
    cost: 'Less than a microsecond per connection in the kernel, and 5 MB of its memory; it saves look-ups',
  },
  {
    name: `${CUSTOM_PREFIX}datagrams`,
    type: 'bool',
    defaultValue: 'false',
    group: 'custom',
    help: 'Record datagrams that are sent to an address without a connect (sendto, sendmsg, sendmmsg) in socket_events; then every send on the host makes a record, those on connections too',
    cost: 'An event for each send on the host',
  },
  {
    name: `${CUSTOM_PREFIX}exclude_exe`,
    type: 'string',
    defaultValue: '',
    group: 'custom',
    valueName: 'PATH,…',
    help: 'Leave out process and socket events of these programs',
    cost: '80 ns in the kernel for each recorded call and program, up to eight; records of other programs are made and dropped',
  },
  {
    name: `${CUSTOM_PREFIX}exclude_uid`,
    type: 'string',
    defaultValue: '',
    group: 'custom',
    valueName: 'UID,…',
    help: 'Leave out process and socket events of these users; the kernel makes no record of them',
  },
  {
    name: `${CUSTOM_PREFIX}exclude_auid`,
    type: 'string',
    defaultValue: '',
    group: 'custom',
    valueName: 'UID,…',
    help: 'Leave out process and socket events of sessions with these login users; unset: of processes without a login. The kernel makes no record of them',
  },
  {
    name: `${CUSTOM_PREFIX}state_dir`,
    type: 'string',
    defaultValue:
      process.platform === 'darwin' ? '/var/db/osquery-audit-events' : '/var/lib/osquery-audit-events',
    group: 'custom',
    valueName: 'DIR',
    help: 'Directory that keeps buffered events, counters and cursors over a restart; none: keep them in memory only',
  },
  {
    name: `${CUSTOM_PREFIX}bridge_stop`,
    type: 'bool',
    defaultValue: 'false',
    group: 'custom',
    help: 'Keep audit running for the next instance also when this one ends in order: after SIGTERM, or when osqueryd stops it or is gone',
  },
  ...Object.values(limitOptions),
];
