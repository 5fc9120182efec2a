/** The processes that recorded events tell of, as trees. */
import type { SqlRow } from '../sql-source.ts';

/** A program that a process ran. */
export interface Image {
  /** Seconds since the epoch, as text. */
  readonly time: string;
  readonly uid: string;
  readonly commandLine: string;
}

export interface TreeProcess {
  readonly pid: number;
  /** In order; empty if no exec of it is recorded. */
  readonly images: Image[];
  /** The program of a process whose own exec is not recorded, as its children's events tell it. */
  path: string;
  parent: TreeProcess | undefined;
  readonly children: Set<TreeProcess>;
}

class Forest {
  readonly roots = new Set<TreeProcess>();

  add(pid: number, parent: TreeProcess | undefined): TreeProcess {
    const process: TreeProcess = { pid, images: [], path: '', parent, children: new Set() };
    (parent?.children ?? this.roots).add(process);
    return process;
  }

  /** Puts a root below another process; false if it is one of that one's ancestors. */
  adopt(root: TreeProcess, parent: TreeProcess): boolean {
    for (let above: TreeProcess | undefined = parent; above !== undefined; above = above.parent)
      if (above === root) return false;
    this.roots.delete(root);
    root.parent = parent;
    parent.children.add(root);
    return true;
  }
}

/** The columns of process_events that a tree is made of. */
export const EVENT_COLUMNS = ['time', 'pid', 'parent', 'uid', 'path', 'cmdline'] as const;
/** Another one, which is Linux's. */
export const SYSCALL_COLUMN = 'syscall';

const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone3']);
const EXECS: ReadonlySet<string> = new Set(['execve', 'execveat', '']);

/**
 * Puts rows of process_events, oldest first, together. A pid that comes again under another parent is another process;
 * under the same one it has only run another program.
 *
 * @returns the processes whose parents are not known
 */
export const treesOfEvents = (rows: Iterable<SqlRow>): ReadonlySet<TreeProcess> => {
  const forest = new Forest();
  /** The newest process of each pid. */
  const newest = new Map<number, TreeProcess>();
  const begin = (pid: number, parent: TreeProcess | undefined): TreeProcess => {
    const process = forest.add(pid, parent);
    newest.set(pid, process);
    return process;
  };
  const processOf = (pid: number, parent: TreeProcess): TreeProcess => {
    const known = newest.get(pid);
    if (known?.parent === parent) return known;
    const isFirstSeen = known !== undefined && known.parent === undefined && known.images.length === 0;
    return isFirstSeen && forest.adopt(known, parent) ? known : begin(pid, parent);
  };
  for (const { time = '', uid = '', path = '', cmdline = '', syscall = '', ...row } of rows) {
    const pid = Number(row.pid);
    const parentPid = Number(row.parent);
    const isFork = FORKS.has(syscall);
    if (!isFork && !EXECS.has(syscall)) continue;
    const parent = newest.get(parentPid) ?? begin(parentPid, undefined);
    if (isFork) begin(pid, parent).path = path;
    else processOf(pid, parent).images.push({ time, uid, commandLine: cmdline === '' ? path : cmdline });
  }
  return forest.roots;
};

/** The columns of process_telemetry_events that a tree is made of. */
export const TELEMETRY_COLUMNS = [
  'time',
  'process_pid',
  'process_start_timestamp',
  'user_uid',
  'process_path',
  'process_command_line',
  'ancestors',
] as const;

interface Ancestor {
  readonly pid: number;
  readonly timestamp?: string;
  readonly path?: string;
}

/**
 * Puts rows of process_telemetry_events, oldest first, together. They name all ancestors, and a process by its pid and
 * the time of its start, so that these trees are exact.
 *
 * @returns the processes whose parents are not known
 */
export const treesOfTelemetry = (rows: Iterable<SqlRow>): ReadonlySet<TreeProcess> => {
  const forest = new Forest();
  const known = new Map<string, TreeProcess>();
  const processOf = ({ pid, timestamp = '' }: Ancestor, parent: TreeProcess | undefined): TreeProcess => {
    const key = `${pid} ${timestamp}`;
    let process = known.get(key);
    if (process === undefined) {
      process = forest.add(pid, parent);
      known.set(key, process);
    } else if (process.parent === undefined && parent !== undefined) forest.adopt(process, parent);
    return process;
  };
  for (const row of rows) {
    let parent: TreeProcess | undefined;
    for (const ancestor of ancestorsIn(row.ancestors).toReversed()) {
      parent = processOf(ancestor, parent);
      if (ancestor.path !== undefined) parent.path = ancestor.path;
    }
    const { time = '', user_uid: uid = '', process_path: path = '', process_command_line: line = '' } = row;
    processOf(
      { pid: Number(row.process_pid), timestamp: row.process_start_timestamp ?? '' },
      parent,
    ).images.push({ time, uid, commandLine: line === '' ? path : line });
  }
  return forest.roots;
};

const ancestorsIn = (text = ''): readonly Ancestor[] => {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isAncestor) : [];
  } catch {
    return [];
  }
};

const isAncestor = (value: unknown): value is Ancestor =>
  typeof value === 'object' && value !== null && 'pid' in value && typeof value.pid === 'number';

/** Every process with this pid, in order. */
export const processesOf = (roots: Iterable<TreeProcess>, pid: number): readonly TreeProcess[] => {
  const found: TreeProcess[] = [];
  const waiting = [...roots].reverse();
  for (let process = waiting.pop(); process !== undefined; process = waiting.pop()) {
    if (process.pid === pid) found.push(process);
    for (const child of [...process.children].reverse()) waiting.push(child);
  }
  return found;
};
