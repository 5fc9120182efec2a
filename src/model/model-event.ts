import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';

/** What the data sources read of a process event. It comes from another thread, and each value costs on the way. */
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
  > {
  readonly files: readonly Pick<ExecutedFile, 'inode' | 'dev'>[];
}

/** The event that becomes a telemetry event: a process began to run a new image. */
export type ExecEvent = ModelEvent & { readonly action: 'exec' };

export const toModelEvent = (event: ProcessEvent): ModelEvent => ({
  action: event.action,
  seconds: event.seconds,
  milliseconds: event.milliseconds,
  status: event.status,
  pid: event.pid,
  ppid: event.ppid,
  parent: event.parent,
  uid: event.uid,
  auid: event.auid,
  ses: event.ses,
  tty: event.tty,
  comm: event.comm,
  path: event.path,
  argv: event.argv,
  files: event.files.map(({ inode, dev }) => ({ inode, dev })),
});
