import { decodeText } from '../../audit/value.ts';

/** One line of `/proc/PID/cgroup`. */
export interface CgroupMembership {
  /** 0 is the unified hierarchy (version 2). */
  readonly hierarchy: number;
  /** Controllers of a version 1 hierarchy, or `name=systemd`; empty for version 2. */
  readonly controllers: readonly string[];
  /** From the hierarchy's root, in the view of the reader's cgroup namespace; so it may start with `/..`. */
  readonly path: string;
}

/** Malformed lines, and an unfinished last line, are left out. */
export const parseCgroup = (bytes: Uint8Array): readonly CgroupMembership[] => {
  const lines = decodeText(bytes).split('\n');
  lines.pop();
  return lines.flatMap(line => {
    const match = /^(\d{1,9}):([^:]*):(\/.*)$/s.exec(line);
    if (match === null) return [];
    const [, hierarchy, controllers, path] = match;
    return [
      {
        hierarchy: Number(hierarchy),
        controllers: controllers === '' ? [] : controllers!.split(','),
        // A removed cgroup keeps its name with this mark.
        path: path!.replace(/ \(deleted\)$/, ''),
      },
    ];
  });
};
