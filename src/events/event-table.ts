import type { ColumnSpec, Row, TableSpec } from 'osquery-extension-ts';
import type { AuditEvent, ProcessEvent, SignalTarget } from '../audit/audit-event.ts';
import type { SyscallName } from '../audit/syscalls.ts';
import type { AuditSettings, AuditSwitch } from '../flags/audit-settings.ts';

/** What a table needs from its source. */
export interface Subscription {
  readonly syscalls?: readonly SyscallName[];
  /** Records that programs send: PAM, sudo, sshd … */
  readonly userMessages?: boolean;
  /** Types of records that each are an event. */
  readonly reports?: readonly number[];
  /** Datagrams that name their receiver; absent: no. */
  readonly datagrams?: boolean;
}

/** Times, in seconds since the epoch, and permissions of the file that a process runs. */
export interface ImageTimes {
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
  /** st_mode. */
  readonly mode: number;
}

/** What a row needs besides its event. */
export interface RowContext {
  readonly settings: AuditSettings;
  /** Seconds the host had been up at the event; undefined for events of another host or boot. */
  uptimeAt(seconds: number): number | undefined;
  /** undefined if the file is gone, or is not the one that ran. */
  imageTimes(event: ProcessEvent): ImageTimes | undefined;
  /** The program of the process that got a signal; undefined if it cannot be determined. */
  targetPath(target: SignalTarget): string | undefined;
  /** Timestamp and serial as audit writes them; undefined for an event that audit did not see. */
  auditId(event: Pick<AuditEvent, 'seconds' | 'milliseconds' | 'serial' | 'isUnaudited'>): string | undefined;
}

/** Who has seen an event. */
export const sourceOf = ({ isUnaudited }: Pick<AuditEvent, 'isUnaudited'>): 'audit' | 'bpf' =>
  isUnaudited === true ? 'bpf' : 'audit';

/** The parts of it that are looked up. */
export type RowLookups = Pick<RowContext, 'uptimeAt' | 'imageTimes' | 'targetPath'>;

/**
 * A table fed by events: its complete definition, without I/O. Every table has the columns `time` and `eid`; the
 * buffer assigns `eid`, so a row leaves it out.
 */
export interface EventTable<
  Kind extends AuditEvent['kind'] = AuditEvent['kind'],
  Columns extends readonly ColumnSpec[] = readonly ColumnSpec[],
> {
  readonly spec: TableSpec & { readonly columns: Columns };
  /** How many of the columns, from the first on, are osquery's own. The others are ours, and hidden. */
  readonly osqueryColumns: number;
  /** osquery's flag that switches it on. */
  readonly flag: AuditSwitch;
  /** Exists only on Linux, because no other system reports this. */
  readonly linuxOnly?: boolean;
  /** The kind of events it takes. */
  readonly kind: Kind;
  /** undefined while the table is switched off. */
  subscribes(settings: AuditSettings): Subscription | undefined;
  /** @returns undefined for an event that the settings leave out */
  toRow(
    event: Extract<AuditEvent, { kind: Kind }>,
    context: RowContext,
  ): Omit<Row<Columns>, 'eid'> | undefined;
}
