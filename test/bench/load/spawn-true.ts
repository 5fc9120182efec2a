import { basename } from 'node:path';
import koffi from 'koffi';

const libc = koffi.load(null);
const posixSpawn = libc.func(
  'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
);
const waitpid = libc.func('int waitpid(int pid, void *status, int options)');

/** Runs a program to its end: posix_spawn(3) copies no page tables, so the size of this process costs nothing. */
export const spawnProgram = (path: string, ...args: readonly string[]): void => runProgram(path, args);

/** The same of as many arguments as the kernel takes. */
export const runProgram = (path: string, args: readonly string[]): void => {
  const pid = [0];
  const code: number = posixSpawn(pid, path, null, null, [basename(path)].concat(args, null as never), [
    null,
  ]);
  if (code !== 0) throw new Error(`posix_spawn of ${path}: errno ${code}`);
  waitpid(pid[0], null, 0);
};

/** With the cheapest program there is. */
export const spawnTrue = (...args: readonly string[]): void => spawnProgram('/bin/true', ...args);
