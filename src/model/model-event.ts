import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { FileVersion } from './hash/file-version.ts';

/**
 * The parts of a process event that data sources read. It comes from another thread (process-batch.ts), so each value
 * costs.
 */
export interface ModelEvent
  extends Pick<
    ProcessEvent,
    | 'action'
    | 'seconds'
    | 'milliseconds'
    | 'status'
    | 'pid'
    | 'ppid'
    | 'parent'
    | 'uid'
    | 'auid'
    | 'ses'
    | 'tty'
    | 'comm'
    | 'path'
    | 'argv'
    | 'node'
    | 'names'
  > {
  readonly files: readonly Pick<ExecutedFile, 'inode' | 'dev'>[];
  /** The file found under `path` after the event, if by device and inode it is one of `files`. */
  readonly image?: Pick<FileVersion, 'key' | 'ctimeMs'> | undefined;
}

/** The event that becomes a telemetry event: a process began to run a new image. */
export type ExecEvent = ModelEvent & { readonly action: 'exec' };
