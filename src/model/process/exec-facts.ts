import type { CgroupFacts } from '../container/cgroup-facts.ts';

/** What the kernel knew of a process at the moment of an exec. Namespaces are inode numbers. */
export interface ExecFacts {
  /** The time in the header of audit's event of the same exec, in milliseconds since the epoch; undefined if it has none. */
  readonly auditMs: number | undefined;
  /** Of the file that is mapped: of the interpreter for a script. */
  readonly inode: bigint;
  /** undefined if the path is not known. */
  readonly cgroup: CgroupFacts | undefined;
  readonly mountNamespace: number;
  readonly netNamespace: number;
  readonly pidNamespace: number;
  readonly userNamespace: number;
  /** The pid in that namespace. */
  readonly namespacePid: number;
}
