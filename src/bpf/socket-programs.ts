import { type Assembler, FP, R0, R1, R2, R3, R6, R7, R8, R9, type Register, type Size } from './assembler.ts';
import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';
import { HELPERS } from './helpers.ts';
import { kernelOffsets } from './kernel-offsets.ts';
import { ProgramBuilder, type ProgramMaps, STACK } from './program-builder.ts';
import type { Program, ProgramSet } from './program-set.ts';
import { AF_INET, ERESTARTSYS, SOCKET, SOCKET_KINDS } from './socket-record.ts';
import { TASK } from './task-record.ts';

/**
 * The programs that see which ends sockets have.
 *
 * The better ones run when the kernel's part of connect, accept and bind ends: descriptor, result and ends are known,
 * for every protocol. Some kernels refuse them. There a tracepoint tells when TCP sockets change their state, which
 * gives the ends of the TCP connections that this host makes. Neither costs calls of other kinds anything; the
 * tracepoints of system calls would slow down every call of every program.
 */

const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_MPTCP = 262;
const TCP_ESTABLISHED = 1;
const TCP_SYN_SENT = 2;
const TCP_SYN_RECV = 3;
const EINPROGRESS = 115;

const MAX_SOCK_BYTES = STACK.context - STACK.sock;

/** Connections that are being made at the same time; more are counted as lost. */
const CONNECTIONS = 8_192;

const RECORD = STACK.record - SOCKET.bytes;

const socketOffsets = (btf: Btf) => {
  const common = (name: string) => ['sock', `__sk_common.${name}`] as const;
  const offsets = kernelOffsets(btf, {
    family: common('skc_family'),
    state: common('skc_state'),
    port: common('skc_num'),
    remotePort: common('skc_dport'),
    net: common('skc_net.net'),
    local4: common('skc_rcv_saddr'),
    remote4: common('skc_daddr'),
    local6: common('skc_v6_rcv_saddr'),
    remote6: common('skc_v6_daddr'),
    type: ['sock', 'sk_type'],
    protocol: ['sock', 'sk_protocol'],
    sourcePort: ['inet_sock', 'inet_sport'],
    netns: ['net', 'ns.inum'],
  });
  const { type, protocol, sourcePort, netns, ...inFront } = offsets;
  // The longest of them are the addresses of IPv6.
  const frontBytes = Math.max(...Object.values(inFront)) + 16;
  if (frontBytes > MAX_SOCK_BYTES) {
    throw new BpfError('btf', `struct sock_common is larger than expected: ${frontBytes} bytes`);
  }
  return { ...offsets, frontBytes };
};

type Offsets = ReturnType<typeof socketOffsets>;

/**
 * How the socket in R8 is read.
 * - `direct`: the verifier knows what it is, and allows loads, which cost nothing
 * - `copied`: it was found by following pointers; its first part is copied to STACK.sock
 */
type Access = 'direct' | 'copied';

/** Ends the program unless the socket in R8 is one of IPv4 or IPv6. */
const takeSocket = (builder: ProgramBuilder, offsets: Offsets, access: Access): void => {
  const { assembler } = builder;
  const inet = builder.uniqueLabel('inet');
  if (access === 'copied') {
    builder.copy(offsets.frontBytes, { to: FP, toOffset: STACK.sock }, { from: R8, fromOffset: 0 });
  }
  loadFront(builder, access)(2, R1, offsets.family);
  assembler.jumpIf(R1, 'equal', AF_INET, inet).jumpIf(R1, 'not equal', AF_INET6, 'out').label(inet);
};

/** Loads from the first part of the socket. */
const loadFront =
  ({ assembler }: ProgramBuilder, access: Access) =>
  (size: Size, into: Register, place: number): Assembler =>
    access === 'direct'
      ? assembler.load(size, into, R8, place)
      : assembler.load(size, into, FP, STACK.sock + place);

/** Writes what the socket in R8 is and which ends it has. `takeSocket` was there before. */
const writeSocket = (
  builder: ProgramBuilder,
  offsets: Offsets,
  access: Access,
  { base, offset }: { readonly base: Register; readonly offset: number },
): void => {
  const { assembler } = builder;
  const at = (place: number): number => offset + place;
  const load = loadFront(builder, access);
  const [isV6, done] = ['v6', 'has addresses'].map(name => builder.uniqueLabel(name)) as [string, string];
  load(2, R1, offsets.family).store(2, base, at(SOCKET.family), R1);
  load(1, R1, offsets.state).store(2, base, at(SOCKET.state), R1);
  load(2, R1, offsets.port).store(2, base, at(SOCKET.localPort), R1);
  load(2, R1, offsets.remotePort).fromNetworkOrder(R1).store(2, base, at(SOCKET.remotePort), R1);
  if (access === 'direct') {
    assembler.load(2, R1, R8, offsets.type).store(2, base, at(SOCKET.type), R1);
    assembler.load(2, R1, R8, offsets.protocol).store(2, base, at(SOCKET.protocol), R1);
    load(8, R1, offsets.net).load(4, R1, R1, offsets.netns).store(4, base, at(SOCKET.netns), R1);
  } else {
    builder.copy(2, { to: base, toOffset: at(SOCKET.type) }, { from: R8, fromOffset: offsets.type });
    builder.copy(2, { to: base, toOffset: at(SOCKET.protocol) }, { from: R8, fromOffset: offsets.protocol });
    load(8, R3, offsets.net);
    builder.copy(4, { to: base, toOffset: at(SOCKET.netns) }, { from: R3, fromOffset: offsets.netns });
  }
  load(2, R1, offsets.family).jumpIf(R1, 'equal', AF_INET6, isV6);
  load(4, R1, offsets.local4).store(4, base, at(SOCKET.local), R1);
  load(4, R1, offsets.remote4).store(4, base, at(SOCKET.remote), R1).jump(done);
  assembler.label(isV6);
  // On 4-byte boundaries in the kernel, so in four parts.
  for (const part of [0, 4, 8, 12]) {
    load(4, R1, offsets.local6 + part).store(4, base, at(SOCKET.local) + part, R1);
    load(4, R1, offsets.remote6 + part).store(4, base, at(SOCKET.remote) + part, R1);
  }
  assembler.label(done);
};

/** A socket whose connect was refused at once has given back its port, but not forgotten it. */
const writeForgottenPort = (builder: ProgramBuilder, offsets: Offsets): void => {
  const hasPort = builder.uniqueLabel('has port');
  builder.assembler.load(2, R1, FP, RECORD + SOCKET.localPort).jumpIf(R1, 'not equal', 0, hasPort);
  builder.copy(2, { to: FP, toOffset: STACK.scratch }, { from: R8, fromOffset: offsets.sourcePort });
  builder.assembler
    .load(2, R1, FP, STACK.scratch)
    .fromNetworkOrder(R1)
    .store(2, FP, RECORD + SOCKET.localPort, R1)
    .label(hasPort);
};

/**
 * Notes the caller when a connection begins, and tells its ends when it is established. Not before, because the port
 * is chosen in between; and not without the note, because then the task that runs may be any.
 */
const assembleStates = (btf: Btf, maps: ProgramMaps): Buffer => {
  const builder = new ProgramBuilder(btf, maps);
  const { assembler } = builder;
  const offsets = socketOffsets(btf);
  // Arguments of the tracepoint: the socket, its old state, its new state.
  assembler.move(R6, R1).load(8, R8, R6, 0).load(8, R7, R6, 16).store(8, FP, STACK.key, R8);
  assembler
    .jumpIf(R7, 'equal', TCP_SYN_SENT, 'begins')
    .load(8, R1, R6, 8)
    .jumpIf(R1, 'not equal', TCP_SYN_SENT, 'out');
  builder.lookUp();
  assembler.jumpIf(R0, 'equal', 0, 'out').move(R9, R0);
  assembler
    .jumpIf(R7, 'equal', TCP_ESTABLISHED, 'established')
    .jumpIf(R7, 'not equal', TCP_SYN_RECV, 'done')
    .label('established');
  writeSocket(builder, offsets, 'direct', { base: R9, offset: 0 });
  builder.writePassedOn(R9).output(SOCKET.bytes, R9);
  assembler.label('done');
  builder.remove();
  assembler.jump('out').label('begins');
  takeSocket(builder, offsets, 'direct');
  assembler.load(2, R1, R8, offsets.protocol).jumpIf(R1, 'not equal', IPPROTO_TCP, 'out');
  builder.clear(FP, RECORD, SOCKET.bytes).writeTask(SOCKET_KINDS.connected, FP, RECORD);
  writeDescriptor(builder);
  builder.keep(FP, RECORD);
  return builder.bytes();
};

/** System calls that connect, each with the descriptor as its first argument, by Node's name of the architecture. */
const CONNECTING_CALLS: Readonly<Record<string, readonly number[]>> = {
  // connect, sendto, sendmsg, sendmmsg
  x64: [42, 44, 46, 307],
  arm64: [203, 206, 211, 269],
};

/** The descriptor is an argument of the call, if audit has noted the arguments. */
const writeDescriptor = ({ assembler }: ProgramBuilder): void => {
  assembler
    .set(R2, -1)
    .load(4, R1, FP, RECORD + TASK.inCall)
    .jumpIf(R1, 'not equal', 1, 'descriptor');
  assembler.load(4, R1, FP, RECORD + TASK.call);
  for (const call of CONNECTING_CALLS[process.arch] ?? []) assembler.jumpIf(R1, 'equal', call, 'is argument');
  assembler
    .jump('descriptor')
    .label('is argument')
    .load(4, R2, FP, RECORD + TASK.argument);
  assembler.label('descriptor').store(4, FP, RECORD + SOCKET.fd, R2);
};

interface CallProgram {
  readonly name: string;
  readonly function: string;
  readonly kind: keyof typeof SOCKET_KINDS;
  /** What the call returns if its socket is of interest. */
  readonly results: 'descriptor' | readonly number[];
}

const CALLS: readonly CallProgram[] = [
  { name: 'connects', function: '__sys_connect', kind: 'connect', results: [0, -EINPROGRESS, -ERESTARTSYS] },
  { name: 'accepts', function: '__sys_accept4', kind: 'accept', results: 'descriptor' },
  { name: 'binds', function: '__sys_bind', kind: 'bind', results: [0] },
];

/** Runs when a call ends. Its first argument is a descriptor, or it returns one. */
const assembleCall =
  ({ function: name, kind, results }: CallProgram) =>
  (btf: Btf, maps: ProgramMaps): Buffer => {
    const builder = new ProgramBuilder(btf, maps);
    const { assembler } = builder;
    const offsets = socketOffsets(btf);
    const parameters = btf.parameterCount(name);
    if (parameters === undefined) throw new BpfError('btf', `this kernel has no function ${name}`);
    assembler
      .load(8, R6, R1, parameters * 8)
      .load(8, R7, R1, 0)
      .signExtend(R6)
      .signExtend(R7);
    if (results === 'descriptor') assembler.jumpIf(R6, 'signed below', 0, 'out').move(R7, R6);
    else {
      for (const result of results) assembler.jumpIf(R6, 'equal', result, 'counts');
      assembler.jump('out').label('counts');
    }
    findSocket(builder, btf);
    takeSocket(builder, offsets, 'copied');
    builder.follow(R1, R8, offsets.protocol, 2);
    for (const protocol of [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP])
      assembler.jumpIf(R1, 'equal', protocol, 'inet protocol');
    assembler.jump('out').label('inet protocol');
    builder.clear(FP, RECORD, SOCKET.bytes);
    assembler.store(4, FP, RECORD + SOCKET.fd, R7).store(4, FP, RECORD + SOCKET.result, R6);
    writeSocket(builder, offsets, 'copied', { base: FP, offset: RECORD });
    writeForgottenPort(builder, offsets);
    builder.writeTask(SOCKET_KINDS[kind], FP, RECORD);
    builder.writePassedOn(FP, RECORD).output(SOCKET.bytes, FP, RECORD);
    return builder.bytes();
  };

/** The socket behind the descriptor in R7 comes to R8. Ends the program if it is none, or not there any more. Uses R9. */
const findSocket = (builder: ProgramBuilder, btf: Btf): void => {
  const { assembler } = builder;
  const offsets = kernelOffsets(btf, {
    files: ['task_struct', 'files'],
    table: ['files_struct', 'fdt'],
    count: ['fdtable', 'max_fds'],
    slots: ['fdtable', 'fd'],
    data: ['file', 'private_data'],
    file: ['socket', 'file'],
    sock: ['socket', 'sk'],
  });
  assembler.call(HELPERS.get_current_task).move(R8, R0);
  builder.follow(R8, R8, offsets.files).follow(R8, R8, offsets.table);
  builder.follow(R1, R8, offsets.count, 4);
  assembler.jumpIfRegister(R7, 'at least', R1, 'out');
  builder.follow(R8, R8, offsets.slots);
  assembler.move(R1, R7).shiftLeft(R1, 3).add(R8, R1);
  builder.follow(R9, R8, 0).follow(R8, R9, offsets.data).follow(R1, R8, offsets.file);
  // A file that is no socket has something else there.
  assembler.jumpIfRegister(R1, 'not equal', R9, 'out');
  builder.follow(R8, R8, offsets.sock);
  assembler.jumpIf(R8, 'equal', 0, 'out');
};

const callPrograms: readonly Program[] = CALLS.map(call => ({
  name: `oae_${call.name}`,
  hook: { kind: 'fexit', function: call.function },
  assemble: assembleCall(call),
}));

/** One record for each connect, accept and bind of an IPv4 or IPv6 socket, as far as the kernel allows. */
export const socketPrograms: ProgramSet = {
  name: 'sockets',
  ringBytes: 1 << 20,
  variants: [
    { name: 'fexit', programs: callPrograms },
    {
      name: 'tp_btf',
      programs: [
        {
          name: 'oae_tcp_states',
          hook: { kind: 'tp_btf', tracepoint: 'inet_sock_set_state' },
          assemble: assembleStates,
        },
      ],
      table: { keyBytes: 8, valueBytes: SOCKET.bytes, entries: CONNECTIONS },
    },
  ],
};
