import { closeSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import {
  ATTRIBUTE_BYTES,
  BPF_ITER_CREATE,
  BPF_LINK_CREATE,
  bpf,
  fixedMemory,
  liftMemoryLock,
} from './bpf-calls.ts';
import type { Btf } from './btf.ts';
import { BPF_TRACE_ITER, loadProgram, refusal } from './loader.ts';
import { unauditedTasksProgram } from './unaudited-tasks.ts';

// Places in union bpf_attr.
const LINK = { program: 0, attachType: 8 } as const;
const ITERATOR_LINK = 0;

const PIECE_BYTES = 64 * 1024;
const { EAGAIN, EINTR } = constants.errno;

/**
 * An iterator over all tasks that passes on those that audit cannot see.
 *
 * @returns a descriptor. Reading it to its end, which needs no privileges, shows the tasks of that moment, once.
 * @throws BpfError if the kernel does not take it
 */
export const openUnauditedTasks = (btf: Btf): number => {
  liftMemoryLock();
  const program = loadProgram(
    btf,
    { name: 'oae_unaudited', hook: { kind: 'iter', target: 'task' }, assemble: unauditedTasksProgram },
    // It has no maps.
    { ring: -1, losses: -1 },
  );
  let link: number | undefined;
  try {
    link = create(BPF_LINK_CREATE, 'attaching the iterator of tasks', [
      [LINK.program, program],
      [LINK.attachType, BPF_TRACE_ITER],
    ]);
    return create(BPF_ITER_CREATE, 'the iterator of tasks', [[ITERATOR_LINK, link]]);
  } finally {
    closeSync(program);
    if (link !== undefined) closeSync(link);
  }
};

const create = (
  command: number,
  what: string,
  values: readonly (readonly [at: number, value: number])[],
): number => {
  const attribute = fixedMemory(ATTRIBUTE_BYTES);
  for (const [at, value] of values) attribute.writeUInt32LE(value, at);
  const fd = bpf(command, attribute);
  if (fd < 0) throw refusal(what, -fd);
  return fd;
};

/** Everything that an iterator writes. The descriptor stays open. */
export const readIterator = (fd: number): Buffer => {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    try {
      const length = readSync(fd, piece, 0, PIECE_BYTES, null);
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, length));
    } catch (error) {
      // EAGAIN: it has used up its turn, and goes on.
      const { errno } = error as NodeJS.ErrnoException;
      if (errno !== -EAGAIN && errno !== -EINTR) throw error;
    }
  }
};
