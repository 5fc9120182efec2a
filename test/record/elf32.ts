/**
 * A tiny 32-bit x86 program without a C library, so that system calls through `int 0x80` can be recorded where no
 * 32-bit compiler is installed. Layout: ELF header, one program header, code, strings, all in one segment.
 */

const BASE = 0x0804_8000;
const HEADERS = 52 + 32;

/** `mov reg, imm32` opcodes. */
const EAX = 0xb8;
const EBX = 0xbb;
const ECX = 0xb9;
const EDX = 0xba;

const u32 = (value: number): number[] => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  (value >>> 24) & 0xff,
];
const call = (number: number, ebx: number, ecx: number, edx = 0): number[] => [
  EBX,
  ...u32(ebx),
  ECX,
  ...u32(ecx),
  EDX,
  ...u32(edx),
  EAX,
  ...u32(number),
  0xcd,
  0x80,
];
const CALL_BYTES = 22;

/**
 * socketcall(SYS_SOCKET, AF_INET, SOCK_DGRAM), socketcall(SYS_CONNECT, 3, 127.0.0.1:53), execve("/bin/true", argv).
 * The first free descriptor is taken to be 3.
 */
export const elf32Program = (): Buffer => {
  const data = dataAt(3);
  const path = Buffer.from('/bin/true\0');
  const argument = Buffer.from('from i386\0');
  const pathAt = data;
  const argumentAt = pathAt + path.length;
  const argvAt = argumentAt + argument.length;
  const socketArguments = argvAt + 12;
  const addressAt = socketArguments + 12;
  const connectArguments = addressAt + 16;

  const code = [
    ...call(102, 1, socketArguments),
    ...call(102, 3, connectArguments),
    ...call(11, pathAt, argvAt),
  ];
  const values = [
    ...path,
    ...argument,
    ...u32(pathAt),
    ...u32(argumentAt),
    ...u32(0),
    ...u32(2),
    ...u32(2),
    ...u32(0),
    ...[2, 0, 0, 53, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ...u32(3),
    ...u32(addressAt),
    ...u32(16),
  ];
  return programOf(code, values);
};

/** Where the values of a program begin that makes so many calls. */
const dataAt = (calls: number): number => BASE + HEADERS + calls * CALL_BYTES;

/**
 * socketcall(SYS_SOCKET, AF_INET, SOCK_STREAM | SOCK_NONBLOCK), socketcall(SYS_SENDTO, 3, …, MSG_FASTOPEN, 127.0.0.1:7): a connect;
 * then socketcall(SYS_SOCKET, AF_INET, SOCK_DGRAM), socketcall(SYS_SENDTO, 4, …, 0, 127.0.0.1:7): a datagram.
 */
export const elf32Sends = (): Buffer => {
  const socketArguments = dataAt(5);
  const datagramArguments = socketArguments + 12;
  const addressAt = datagramArguments + 12;
  const connectArguments = addressAt + 16;
  const sendArguments = connectArguments + 24;
  const code = [
    ...call(102, 1, socketArguments),
    ...call(102, 11, connectArguments),
    ...call(102, 1, datagramArguments),
    ...call(102, 11, sendArguments),
    ...call(1, 0, 0),
  ];
  const values = [
    ...[2, 0x801, 0].flatMap(u32),
    ...[2, 2, 0].flatMap(u32),
    ...[2, 0, 0, 7, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[3, addressAt, 4, 0x2000_0000, addressAt, 16].flatMap(u32),
    ...[4, addressAt, 4, 0, addressAt, 16].flatMap(u32),
  ];
  return programOf(code, values);
};

const programOf = (code: readonly number[], values: readonly number[]): Buffer => {
  const size = HEADERS + code.length + values.length;
  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[2, 0, 3, 0],
    ...u32(1),
    ...u32(BASE + HEADERS),
    ...u32(52),
    ...u32(0),
    ...u32(0),
    ...[52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0],
  ];
  const segment = [
    ...u32(1),
    ...u32(0),
    ...u32(BASE),
    ...u32(BASE),
    ...u32(size),
    ...u32(size),
    ...u32(7),
    ...u32(0x1000),
  ];
  return Buffer.from([...header, ...segment, ...code, ...values]);
};
