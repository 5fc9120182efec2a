import { Assembler, FP, R0, R1, R2, R3, R6, R7 } from './assembler.ts';
import type { Btf } from './btf.ts';
import { HELPERS } from './helpers.ts';
import { kernelOffsets } from './kernel-offsets.ts';

/** A pid, in 4 bytes. */
const RECORD_BYTES = 4;
const RECORD = -8;

/**
 * An iterator over all tasks: it writes the pid of each one that audit cannot see, and is no kernel thread. A process with several
 * such threads comes several times. A task gets its audit context when it is made, and keeps it.
 */
export const unauditedTasksProgram = (btf: Btf): Buffer => {
  const places = kernelOffsets(btf, {
    meta: ['bpf_iter__task', 'meta'],
    task: ['bpf_iter__task', 'task'],
    seq: ['bpf_iter_meta', 'seq'],
    tgid: ['task_struct', 'tgid'],
    mm: ['task_struct', 'mm'],
    auditContext: ['task_struct', 'audit_context'],
  });
  return (
    new Assembler()
      .load(8, R6, R1, places.task)
      // The last call, which has no task.
      .jumpIf(R6, 'equal', 0, 'out')
      .load(8, R7, R1, places.meta)
      .load(8, R7, R7, places.seq)
      .load(8, R1, R6, places.auditContext)
      .jumpIf(R1, 'not equal', 0, 'out')
      .load(8, R1, R6, places.mm)
      .jumpIf(R1, 'equal', 0, 'out')
      .load(4, R1, R6, places.tgid)
      .store(4, FP, RECORD, R1)
      .move(R1, R7)
      .move(R2, FP)
      .addNumber(R2, RECORD)
      .set(R3, RECORD_BYTES)
      .call(HELPERS.seq_write)
      .label('out')
      .set(R0, 0)
      .exit()
      .bytes()
  );
};

/** The pids in what the iterator wrote, each once. */
export const parseUnauditedTasks = (bytes: Buffer): readonly number[] => {
  const pids = new Set<number>();
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) pids.add(bytes.readUInt32LE(at));
  return [...pids];
};
