import type { ProcfsReader } from '../procfs/reader.ts';
import { parseId, UNSET_ID } from '../procfs/values.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface LoginFields {
  /** The present login uid; `login_user_uid` is the one at the exec. undefined if it is unset. */
  readonly process_loginuid: number | undefined;
  readonly process_sessionid: number | undefined;
}

/** Login uid and audit session of a living process: PAM can set both once after the exec. */
export const loginSource = (procfs: ProcfsReader): EventSource<LoginFields> => {
  const read = (pid: number, name: string): number | undefined => {
    const bytes = procfs.read(pid, name);
    const id = bytes && parseId(bytes);
    return id === UNSET_ID ? undefined : id;
  };
  return eventSource<LoginFields, Pick<ProcessTreeFields, 'process'>>({
    name: 'login',
    provides: { process_loginuid: 'output', process_sessionid: 'output' },
    needs: ['process'],
    resolve({ pid }, { process }) {
      if (process?.exitMs !== undefined) return undefined;
      return { process_loginuid: read(pid, 'loginuid'), process_sessionid: read(pid, 'sessionid') };
    },
  });
};
