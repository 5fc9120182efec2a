import type { ProcessEvent } from '../../src/audit/audit-event.ts';
import type { ModelEvent } from '../../src/model/model-event.ts';
import type { ExecFacts } from '../../src/model/process/exec-facts.ts';

/** 2024-05-21T12:00:00.000Z, where the fake clock starts. */
export const NOON = Date.UTC(2024, 4, 21, 12);

const base = {
  kind: 'process',
  serial: 1,
  exit: 0,
  status: undefined,
  auid: 4_294_967_295,
  uid: 0,
  gid: 0,
  euid: 0,
  egid: 0,
  suid: 0,
  sgid: 0,
  fsuid: 0,
  fsgid: 0,
  ses: 4_294_967_295,
  tty: undefined,
  comm: undefined,
  exe: undefined,
  path: undefined,
  cwd: undefined,
  argv: undefined,
  env: undefined,
  files: [],
} as const;

type Facts = Partial<Omit<ProcessEvent, 'action' | 'kind' | 'seconds' | 'milliseconds'>> &
  Pick<ModelEvent, 'image'> & {
    /** Milliseconds after NOON. */
    readonly at?: number;
  };

const make = <Action extends ProcessEvent['action']>(
  action: Action,
  syscall: string,
  { at = 0, ...facts }: Facts,
): ProcessEvent & { readonly action: Action } => {
  const ms = NOON + at;
  return {
    ...base,
    pid: 100,
    ppid: 1,
    parent: facts.ppid ?? 1,
    syscall,
    seconds: Math.floor(ms / 1000),
    milliseconds: ms % 1000,
    action,
    ...facts,
  };
};

export const exec = (facts: Facts = {}): ProcessEvent & { readonly action: 'exec' } =>
  make('exec', 'execve', facts);

export const fork = (pid: number, parent: number, at = 0): ProcessEvent =>
  make('fork', 'clone', { pid, parent, ppid: 1, at });

export const exit = (pid: number, at = 0): ProcessEvent => make('exit', 'exit_group', { pid, at });

/** What the kernel knew at an exec. */
export const execFacts = (facts: Partial<ExecFacts>): ExecFacts => ({
  auditMs: undefined,
  inode: 1n,
  cgroup: undefined,
  mountNamespace: 42,
  netNamespace: 43,
  pidNamespace: 44,
  userNamespace: 45,
  namespacePid: 1,
  ...facts,
});
