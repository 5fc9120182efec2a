import type { CgroupFactsCache } from '../container/cgroup-facts.ts';
import { cgroupOf } from '../container/cgroup-of.ts';
import type { Container } from '../container/container-id.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface CgroupFields {
  readonly process_cgroup: string | undefined;
  /** null: in no container; undefined: the process was gone. */
  readonly cgroup_container: Container | null | undefined;
}

/** The cgroups a process was in at its exec or, if the kernel did not report them, is in while it lives. */
export const cgroupSource = (procfs: ProcfsReader, cache: CgroupFactsCache): EventSource<CgroupFields> =>
  eventSource<CgroupFields, Pick<ProcessTreeFields, 'process' | 'exec_facts'>>({
    name: 'cgroup',
    provides: { process_cgroup: 'output', cgroup_container: 'internal' },
    needs: ['process', 'exec_facts'],
    resolve(event, { process, exec_facts }) {
      const { cgroup } = exec_facts ?? {};
      if (cgroup !== undefined) return { process_cgroup: cgroup.path, cgroup_container: cgroup.container };
      if (process?.exitMs !== undefined) return undefined;
      const facts = cgroupOf(event.pid, procfs, cache);
      return facts && { process_cgroup: facts.path, cgroup_container: facts.container };
    },
  });
