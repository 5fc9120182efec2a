import type { StreamMode } from '../audit/control/session.ts';
import type { AuditStatus } from '../audit/control/status.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { InheritedSocket } from './bridge/inherited-socket.ts';
import type { Ingest, IngestOptions } from './ingest.ts';

export interface SourceStatus {
  readonly mode: EventSource['mode'];
  /** undefined where no Linux audit is read. */
  readonly kernel: AuditStatus | undefined;
  /** Rules in the kernel, ours and others'. */
  readonly rules: number | undefined;
}

export interface LiveOptions extends IngestOptions {
  /** The socket of a previous instance; `open` takes its descriptor. */
  readonly inherited?: InheritedSocket | undefined;
}

/** A source of events: this system's audit, or recorded files. */
export interface EventSource {
  readonly ingest: Ingest;
  /** `openbsm`: the audit pipe of macOS. */
  readonly mode: StreamMode | 'openbsm' | 'replay';
  /** The kernel's `lost` at the start. */
  readonly kernelLostBefore: number;
  setSettings(settings: AuditSettings): Promise<void>;
  status(): Promise<SourceStatus>;
  /**
   * Takes what is still waiting, and puts audit back as it was found; or leaves both to the next instance, for which
   * another process has the socket. May be called any number of times.
   */
  close(how?: 'restore' | 'leave'): Promise<void>;
}
