import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import {
  ATTRIBUTE_BYTES,
  BPF_MAP_CREATE,
  BPF_PROG_LOAD,
  BPF_RAW_TRACEPOINT_OPEN,
  bpf,
  fixedCopy,
  fixedMemory,
  liftMemoryLock,
  writePointer,
} from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import type { Btf, BtfId } from './btf.ts';
import type { ProgramMaps } from './program-builder.ts';
import type { Hook, Program, ProgramSet, ProgramVariant } from './program-set.ts';

/** What keeps programs running, and what their reader needs. All are gone when their descriptors are closed, by whatever end. */
export interface LoadedSet {
  readonly name: string;
  /** The variant that the kernel has taken. */
  readonly variant: string;
  readonly ringFd: number;
  readonly ringBytes: number;
  readonly lossesFd: number;
  readonly linkFds: readonly number[];
}

/** linux/bpf.h */
const BPF_MAP_TYPE_HASH = 1;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_MAP_TYPE_RINGBUF = 27;
const BPF_PROG_TYPE_TRACING = 26;
const BPF_TRACE_RAW_TP = 23;
const BPF_TRACE_FEXIT = 25;
export const BPF_TRACE_ITER = 28;
const ATTACH_TYPES = { fexit: BPF_TRACE_FEXIT, tp_btf: BPF_TRACE_RAW_TP, iter: BPF_TRACE_ITER } as const;
/** The value can be mapped into memory, so that reading it needs no call. */
const BPF_F_MMAPABLE = 1 << 10;

// Places in union bpf_attr.
const MAP = { type: 0, keyBytes: 4, valueBytes: 8, entries: 12, flags: 16, name: 28 } as const;
const PROGRAM = {
  type: 0,
  count: 4,
  instructions: 8,
  license: 16,
  logLevel: 24,
  logBytes: 28,
  log: 32,
  name: 48,
  attachType: 68,
  attachId: 108,
} as const;
const ATTACH_FD = 8;

const NAME_BYTES = 15;
const INSTRUCTION_BYTES = 8;
const LOG_BYTES = 64 * 1024;
/** Lines of the verifier's log that are said. */
const SAID_LINES = 3;

/** The kernel lets only programs with such a licence read its memory. */
const LICENSE = fixedCopy(Buffer.from('Dual MIT/GPL\0', 'latin1'));

const { EACCES, EINVAL, EPERM } = constants.errno;

/**
 * Loads a set of programs and attaches them.
 *
 * @throws BpfError that says for each variant why the kernel did not take it
 */
export const loadSet = (btf: Btf, { name, ringBytes, variants }: ProgramSet): LoadedSet => {
  liftMemoryLock();
  const fds: number[] = [];
  try {
    const ringFd = createMap('oae_ring', { type: BPF_MAP_TYPE_RINGBUF, entries: ringBytes });
    fds.push(ringFd);
    const lossesFd = createMap('oae_losses', {
      type: BPF_MAP_TYPE_ARRAY,
      keyBytes: 4,
      valueBytes: 8,
      entries: 1,
      flags: BPF_F_MMAPABLE,
    });
    fds.push(lossesFd);
    const refusals: BpfError[] = [];
    for (const variant of variants) {
      try {
        const linkFds = loadVariant(btf, variant, { ring: ringFd, losses: lossesFd });
        return { name, variant: variant.name, ringFd, ringBytes, lossesFd, linkFds };
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        refusals.push(error);
      }
    }
    const isAllowed = refusals.some(({ code }) => code !== 'no-permission');
    throw new BpfError(
      isAllowed ? 'refused' : 'no-permission',
      refusals.map(({ message }) => message).join('; '),
    );
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  }
};

/** @returns the links, which keep the programs and their maps */
const loadVariant = (
  btf: Btf,
  { programs, table }: ProgramVariant,
  maps: Omit<ProgramMaps, 'table'>,
): readonly number[] => {
  const linkFds: number[] = [];
  const used: number[] = [];
  try {
    const tableFd = table && createMap('oae_table', { type: BPF_MAP_TYPE_HASH, ...table });
    if (tableFd !== undefined) used.push(tableFd);
    const programFds = programs.map(program => {
      const fd = loadProgram(btf, program, { ...maps, table: tableFd });
      used.push(fd);
      return fd;
    });
    for (const [i, fd] of programFds.entries()) linkFds.push(attach(programs[i]!, fd));
    return linkFds;
  } catch (error) {
    for (const fd of linkFds) closeSync(fd);
    throw error;
  } finally {
    for (const fd of used) closeSync(fd);
  }
};

interface MapSpec {
  readonly type: number;
  readonly keyBytes?: number;
  readonly valueBytes?: number;
  readonly entries: number;
  readonly flags?: number;
}

const createMap = (
  name: string,
  { type, keyBytes = 0, valueBytes = 0, entries, flags = 0 }: MapSpec,
): number => {
  const attribute = fixedMemory(ATTRIBUTE_BYTES);
  attribute.writeUInt32LE(type, MAP.type);
  attribute.writeUInt32LE(keyBytes, MAP.keyBytes);
  attribute.writeUInt32LE(valueBytes, MAP.valueBytes);
  attribute.writeUInt32LE(entries, MAP.entries);
  attribute.writeUInt32LE(flags, MAP.flags);
  attribute.write(name, MAP.name, NAME_BYTES, 'latin1');
  const fd = bpf(BPF_MAP_CREATE, attribute);
  if (fd < 0) throw refusal(`map ${name}`, -fd);
  return fd;
};

/** @returns the program's descriptor; it runs when it is attached */
export const loadProgram = (btf: Btf, program: Program, maps: ProgramMaps): number => {
  const { name, hook } = program;
  const instructions = fixedCopy(program.assemble(btf, maps));
  const attribute = fixedMemory(ATTRIBUTE_BYTES);
  attribute.writeUInt32LE(BPF_PROG_TYPE_TRACING, PROGRAM.type);
  attribute.writeUInt32LE(instructions.length / INSTRUCTION_BYTES, PROGRAM.count);
  writePointer(attribute, PROGRAM.instructions, instructions);
  writePointer(attribute, PROGRAM.license, LICENSE);
  attribute.write(name, PROGRAM.name, NAME_BYTES, 'latin1');
  attribute.writeUInt32LE(ATTACH_TYPES[hook.kind], PROGRAM.attachType);
  attribute.writeUInt32LE(hookId(btf, hook), PROGRAM.attachId);
  const fd = bpf(BPF_PROG_LOAD, attribute);
  if (fd >= 0) return fd;
  // Once more, for the reason: writing the log costs time.
  const log = fixedMemory(LOG_BYTES);
  attribute.writeUInt32LE(1, PROGRAM.logLevel);
  attribute.writeUInt32LE(LOG_BYTES, PROGRAM.logBytes);
  writePointer(attribute, PROGRAM.log, log);
  const again = bpf(BPF_PROG_LOAD, attribute);
  if (again >= 0) return again;
  throw refusal(`program ${name}`, -again, lastLines(log));
};

/** The function or tracepoint, by the number that this very kernel has given it. */
const hookId = (btf: Btf, hook: Hook): BtfId => {
  switch (hook.kind) {
    case 'fexit':
      return existing(btf.find('function', hook.function), `function ${hook.function}`);
    case 'tp_btf':
      return existing(btf.find('typedef', `btf_trace_${hook.tracepoint}`), `tracepoint ${hook.tracepoint}`);
    case 'iter':
      return existing(btf.find('function', `bpf_iter_${hook.target}`), `BPF iterator of ${hook.target}s`);
  }
};

const existing = (id: BtfId | undefined, what: string): BtfId => {
  if (id === undefined) throw new BpfError('btf', `this kernel has no ${what}`);
  return id;
};

const attach = ({ name }: Program, programFd: number): number => {
  const attribute = fixedMemory(ATTRIBUTE_BYTES);
  attribute.writeUInt32LE(programFd, ATTACH_FD);
  const fd = bpf(BPF_RAW_TRACEPOINT_OPEN, attribute);
  if (fd < 0) throw refusal(`attaching ${name}`, -fd);
  return fd;
};

export const refusal = (what: string, errno: number, log = ''): BpfError => {
  const isForbidden = errno === EPERM || errno === EACCES;
  const reason = log === '' ? '' : `: ${log}`;
  // The verifier says EACCES too, with a log.
  return isForbidden && log === ''
    ? new BpfError('no-permission', `the kernel does not permit ${what} (errno ${errno})`)
    : new BpfError(
        'refused',
        `the kernel refuses ${what} (errno ${errno}${errno === EINVAL ? ', EINVAL' : ''})${reason}`,
      );
};

const lastLines = (log: Buffer): string => {
  const end = log.indexOf(0);
  const lines = log
    .toString('latin1', 0, end < 0 ? log.length : end)
    .trim()
    .split('\n');
  return lines.slice(-SAID_LINES).join(' / ');
};
