import type { ProcfsReader } from '../procfs/reader.ts';
import { parseStatus } from '../procfs/status.ts';
import { parseNamespace } from '../procfs/values.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface NamespaceFields {
  /** Inode numbers of the namespaces; equal numbers mean the same namespace. */
  readonly process_mnt_namespace: number | undefined;
  readonly process_net_namespace: number | undefined;
  readonly process_pid_namespace: number | undefined;
  readonly process_user_namespace: number | undefined;
  /** The pid as the process itself sees it. */
  readonly process_namespace_pid: number | undefined;
}

/** The namespaces a process was in at its exec or, if the kernel did not report them, is in while it lives. */
export const namespacesSource = (procfs: ProcfsReader): EventSource<NamespaceFields> =>
  eventSource<NamespaceFields, Pick<ProcessTreeFields, 'process' | 'exec_facts'>>({
    name: 'namespaces',
    provides: {
      process_mnt_namespace: 'output',
      process_net_namespace: 'output',
      process_pid_namespace: 'output',
      process_user_namespace: 'output',
      process_namespace_pid: 'output',
    },
    needs: ['process', 'exec_facts'],
    resolve({ pid }, { process, exec_facts }) {
      if (exec_facts !== undefined) {
        return {
          process_mnt_namespace: exec_facts.mountNamespace,
          process_net_namespace: exec_facts.netNamespace,
          process_pid_namespace: exec_facts.pidNamespace,
          process_user_namespace: exec_facts.userNamespace,
          process_namespace_pid: exec_facts.namespacePid,
        };
      }
      if (process?.exitMs !== undefined) return undefined;
      const namespace = (kind: string): number | undefined => {
        const target = procfs.link(pid, `ns/${kind}`);
        return target === undefined ? undefined : parseNamespace(target);
      };
      const status = procfs.read(pid, 'status');
      return {
        process_mnt_namespace: namespace('mnt'),
        process_net_namespace: namespace('net'),
        process_pid_namespace: namespace('pid'),
        process_user_namespace: namespace('user'),
        process_namespace_pid: status && parseStatus(status)?.namespacePids.at(-1),
      };
    },
  });
