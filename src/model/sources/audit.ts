import { eventMs, IsoTimes } from '../event-time.ts';
import { joinArgv, processName } from '../process/image.ts';
import { UNSET_ID } from '../procfs/values.ts';
import { type EventSource, eventSource } from '../source.ts';

export interface AuditFields {
  /** When the image was executed: ISO 8601, UTC, milliseconds. */
  readonly timestamp: string | undefined;
  readonly user_uid: number | undefined;
  /** The uid that logged in; undefined if nobody did (services, boot). */
  readonly login_user_uid: number | undefined;
  readonly process_pid: number;
  readonly process_name: string | undefined;
  readonly process_path: string | undefined;
  /** Arguments joined by a space; `argv` is the exact form. */
  readonly process_command_line: string | undefined;
  readonly argv: readonly string[] | undefined;
  readonly session: number | undefined;
  readonly tty: string | undefined;
  /** The host named in a log. */
  readonly node: string | undefined;
}

/** What the event itself says. */
export const auditSource = (): EventSource<AuditFields> => {
  const times = new IsoTimes();
  return eventSource<AuditFields>({
    name: 'audit',
    provides: {
      timestamp: 'output',
      user_uid: 'output',
      login_user_uid: 'output',
      process_pid: 'output',
      process_name: 'output',
      process_path: 'output',
      process_command_line: 'output',
      argv: 'output',
      session: 'output',
      tty: 'output',
      node: 'output',
    },
    needs: [],
    limits: { rests: false },
    resolve: event => ({
      timestamp: times.of(eventMs(event)),
      user_uid: event.uid,
      login_user_uid: set(event.auid),
      process_pid: event.pid,
      process_name: processName(event.path, event.comm),
      process_path: event.path,
      process_command_line: event.argv && joinArgv(event.argv),
      argv: event.argv,
      session: set(event.ses),
      tty: event.tty,
      node: event.node,
    }),
  });
};

const set = (id: number | undefined): number | undefined => (id === UNSET_ID ? undefined : id);
