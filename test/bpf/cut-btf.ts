/**
 * Writes what our programs need of a kernel's BTF to a file, so that tests can assemble programs for that kernel:
 *
 *     node --conditions=source test/bpf/cut-btf.ts /sys/kernel/btf/vmlinux test/bpf/btf/linux-6.18-x64.btf
 *
 * Reads BTF by itself, not through src/bpf, so that a fault there does not make the fixture fit.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** Structures, with the members that are kept; those of anonymous structures inside count as their own. */
const STRUCTS: Readonly<Record<string, readonly string[]>> = {
  task_struct: [
    'tgid',
    'pid',
    'real_parent',
    'start_boottime',
    'audit_context',
    'files',
    'mm',
    'nsproxy',
    'exit_code',
    'cred',
    'thread_pid',
    'cgroups',
    'loginuid',
    'sessionid',
    'signal',
  ],
  audit_context: ['context', 'in_syscall', 'dummy', 'stamp', 'ctime', 'major', 'argv'],
  audit_stamp: ['ctime', 'serial'],
  timespec64: ['tv_sec', 'tv_nsec'],
  sock: ['__sk_common', 'sk_type', 'sk_protocol'],
  sock_common: [
    ...['skc_family', 'skc_state', 'skc_num', 'skc_dport', 'skc_net', 'net', 'skc_rcv_saddr', 'skc_daddr'],
    ...['skc_v6_rcv_saddr', 'skc_v6_daddr'],
  ],
  inet_sock: ['inet_sport'],
  net: ['ns'],
  ns_common: ['inum'],
  files_struct: ['fdt'],
  fdtable: ['max_fds', 'fd'],
  file: ['private_data', 'f_inode'],
  socket: ['file', 'sk'],
  nsproxy: ['mnt_ns', 'net_ns', 'pid_ns_for_children'],
  mnt_namespace: ['ns'],
  mm_struct: ['exe_file', 'arg_start', 'arg_end'],
  inode: ['i_ino', 'i_sb', 'i_mode', 'i_uid', 'i_gid'],
  super_block: ['s_dev'],
  cred: ['user_ns', 'suid', 'sgid', 'euid', 'egid', 'fsuid', 'fsgid'],
  signal_struct: ['tty'],
  tty_struct: ['name'],
  linux_binprm: ['filename', 'interp'],
  user_namespace: ['ns'],
  pid: ['level', 'numbers'],
  upid: ['nr', 'ns'],
  pid_namespace: ['ns'],
  css_set: ['dfl_cgrp', 'subsys'],
  cgroup_subsys_state: ['cgroup'],
  cgroup: ['kn'],
  kernfs_node: ['id', 'name', 'parent', '__parent'],
  bpf_iter__task: ['meta', 'task'],
  bpf_iter_meta: ['seq'],
};
const ENUMS: Readonly<Record<string, readonly string[]>> = {
  cgroup_subsys_id: ['pids', 'memory', 'devices', 'cpu', 'freezer'].map(name => `${name}_cgrp_id`),
};
const FUNCTIONS = ['__sys_connect', '__sys_accept4', '__sys_bind', 'bpf_iter_task'];
const TYPEDEFS = [
  'btf_trace_inet_sock_set_state',
  ...['fork', 'exec', 'exit'].map(name => `btf_trace_sched_process_${name}`),
];

const [, , from = '/sys/kernel/btf/vmlinux', to] = process.argv;
const bytes = readFileSync(from);
const typesAt = bytes.readUInt32LE(4) + bytes.readUInt32LE(8);
const stringsAt = bytes.readUInt32LE(4) + bytes.readUInt32LE(16);
const nameAt = (offset: number): string =>
  bytes.toString('latin1', stringsAt + offset, bytes.indexOf(0, stringsAt + offset));

const STRUCT = 4;
const UNION = 5;
const ENUM = 6;
const TYPEDEF = 8;
const MODIFIERS = new Set([8, 9, 10, 11, 18]);
const FUNC = 12;
const FIXED: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const PARTS: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };

interface Type {
  readonly at: number;
  readonly kind: number;
  readonly name: string;
  readonly info: number;
  readonly reference: number;
}
const all: Type[] = [{ at: 0, kind: 0, name: '', info: 0, reference: 0 }];
for (let at = typesAt; at < typesAt + bytes.readUInt32LE(12); ) {
  const info = bytes.readUInt32LE(at + 4);
  const kind = (info >>> 24) & 31;
  all.push({ at, kind, name: nameAt(bytes.readUInt32LE(at)), info, reference: bytes.readUInt32LE(at + 8) });
  at += 12 + (FIXED[kind] ?? 0) + (info & 0xffff) * (PARTS[kind] ?? 0);
}

const ids = new Map<number, number>();
const out: Buffer[] = [];
let strings = '\0';
const keepName = (name: string): number => {
  if (name === '') return 0;
  const found = strings.indexOf(`\0${name}\0`);
  if (found >= 0) return found + 1;
  strings += `${name}\0`;
  return strings.length - name.length - 1;
};
const words = (...numbers: readonly number[]): Buffer => Buffer.from(Uint32Array.from(numbers).buffer);

/** Whether a member's type has members of its own that are wanted. */
const isWanted = (id: number): boolean => {
  const { kind, name, reference } = all[id]!;
  if (MODIFIERS.has(kind)) return isWanted(reference);
  return (kind === STRUCT && name in STRUCTS) || ((kind === STRUCT || kind === UNION) && name === '');
};

/** @param wanted members of the structure around, if it is anonymous */
const keep = (id: number, wanted: readonly string[] = []): number => {
  if (id === 0) return 0;
  const known = ids.get(id);
  if (known !== undefined) return known;
  const type = all[id]!;
  const own = out.push(Buffer.alloc(0));
  ids.set(id, own);
  out[own - 1] = encode(type, wanted);
  return own;
};

const encode = ({ at, kind, name, info, reference }: Type, wanted: readonly string[]): Buffer => {
  if (MODIFIERS.has(kind))
    return words(keepName(name), info, isWanted(reference) ? keep(reference, wanted) : 0);
  if (kind === FUNC) {
    const { info: parameters } = all[reference]!;
    const count = parameters & 0xffff;
    const proto = out.push(
      Buffer.concat([words(0, parameters, 0), ...Array.from({ length: count }, () => words(0, 0))]),
    );
    return words(keepName(name), info, proto);
  }
  if (kind === ENUM) return encodeEnum(at, name, info);
  const members: Buffer[] = [];
  for (let i = 0; i < (info & 0xffff); i++) {
    const [memberName, member, offset] = [0, 4, 8].map(part =>
      bytes.readUInt32LE(at + 12 + 12 * i + part),
    ) as [number, number, number];
    const text = nameAt(memberName);
    const names = name === '' ? wanted : (STRUCTS[name] ?? []);
    const isAnonymous = text === '' && isWanted(member);
    if (!isAnonymous && !names.includes(text)) continue;
    members.push(words(keepName(text), isWanted(member) ? keep(member, names) : 0, offset));
  }
  return Buffer.concat([words(keepName(name), (info & 0xffff_0000) | members.length, reference), ...members]);
};

const encodeEnum = (at: number, name: string, info: number): Buffer => {
  const values: Buffer[] = [];
  for (let i = 0; i < (info & 0xffff); i++) {
    const place = at + 12 + 8 * i;
    const text = nameAt(bytes.readUInt32LE(place));
    if (ENUMS[name]?.includes(text)) values.push(words(keepName(text), bytes.readUInt32LE(place + 4)));
  }
  return Buffer.concat([words(keepName(name), (info & 0xffff_0000) | values.length, 4), ...values]);
};

const keepAll = (kind: number, names: readonly string[]): void => {
  for (const name of names) {
    const id = all.findIndex(type => type.kind === kind && type.name === name);
    if (id >= 0) keep(id);
    else process.stderr.write(`${from} has no ${name}\n`);
  }
};
keepAll(STRUCT, Object.keys(STRUCTS));
keepAll(ENUM, Object.keys(ENUMS));
keepAll(FUNC, FUNCTIONS);
keepAll(TYPEDEF, TYPEDEFS);

const types = Buffer.concat(out);
const header = Buffer.alloc(24);
header.writeUInt16LE(0xeb9f, 0);
header[2] = 1;
header.writeUInt32LE(24, 4);
header.writeUInt32LE(types.length, 12);
header.writeUInt32LE(types.length, 16);
header.writeUInt32LE(strings.length, 20);
const cut = Buffer.concat([header, types, Buffer.from(strings, 'latin1')]);
if (to === undefined) process.stdout.write(cut);
else writeFileSync(to, cut);
