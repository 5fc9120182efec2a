import type { RecordGroup } from '../../src/audit/correlator.ts';
import { type AuditRecord, parseRecord } from '../../src/audit/record.ts';

/*
 * Records as the kernel writes them, for tests: kernel/audit.c and kernel/auditsc.c of Linux 6.18 in TypeScript.
 * Texts are latin1, one character a byte.
 */

export type Bytes = string | Uint8Array;

export const bytesOf = (value: Bytes): Buffer =>
  typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();

const containsControl = (bytes: Uint8Array): boolean =>
  bytes.some(byte => byte === 0x22 || byte < 0x21 || byte > 0x7e);

/** audit_log_untrustedstring */
export const untrusted = (value: Bytes): string => {
  const bytes = bytesOf(value);
  return containsControl(bytes) ? hex(bytes) : `"${bytes.toString('latin1')}"`;
};

const MAX_EXECVE_AUDIT_LEN = 7_500;
/** sizeof(abuf): room kept for what is written around an argument. */
const AROUND = 96;

/** audit_log_execve_info: the fields of each EXECVE record of an exec. No argument may hold a NUL. */
export const execveFields = (argv: readonly Bytes[]): string[] => {
  const records: string[] = [];
  let text = `argc=${argv.length}`;
  let remaining = MAX_EXECVE_AUDIT_LEN;
  argv.map(bytesOf).forEach((argument, index) => {
    let announced = argument.length;
    let read = 0;
    let buffer: Buffer = Buffer.alloc(0);
    let written = 0;
    let encode = false;
    let fragment = 0;
    let moreToRead = true;
    while (moreToRead || buffer.length > 0) {
      if (moreToRead) {
        const room = MAX_EXECVE_AUDIT_LEN - buffer.length;
        const part = argument.subarray(read, read + room);
        if (part.length === room) {
          encode = true;
          announced *= 2;
        } else {
          moreToRead = false;
          encode ||= containsControl(part);
          if (announced < MAX_EXECVE_AUDIT_LEN) announced = encode ? 2 * part.length : part.length;
        }
        read += part.length;
        buffer = Buffer.concat([buffer, part]);
        written = encode ? 2 * buffer.length : buffer.length + 2;
      }
      if (AROUND + 8 > remaining) {
        records.push(text);
        text = '';
        remaining = MAX_EXECVE_AUDIT_LEN;
      }
      const inFragments = moreToRead || fragment > 0 || written + AROUND > remaining;
      const key = inFragments
        ? `${fragment === 0 ? ` a${index}_len=${announced}` : ''} a${index}[${fragment++}]=`
        : ` a${index}=`;
      remaining -= key.length;
      let taken = buffer.length;
      if (encode) {
        if (written > remaining) taken = Math.floor(remaining / 2);
        remaining -= 2 * taken;
        written -= 2 * taken;
        text += key + hex(buffer.subarray(0, taken));
      } else {
        if (written > remaining) taken = remaining - 2;
        remaining -= taken + 2;
        written -= taken;
        text += `${key}"${buffer.toString('latin1', 0, taken)}"`;
      }
      buffer = buffer.subarray(taken);
    }
  });
  records.push(text);
  return records;
};

const SYSCALL_DEFAULTS = {
  arch: 'c000003e',
  syscall: 59,
  success: 'yes',
  exit: 0,
  a0: '7ffcd9ba5038',
  a1: '24b60130',
  a2: '24d5ac70',
  a3: '8',
  items: 2,
  ppid: 13983,
  pid: 13993,
  auid: 1000,
  uid: 1,
  gid: 2,
  euid: 3,
  suid: 4,
  fsuid: 5,
  egid: 6,
  sgid: 7,
  fsgid: 8,
  tty: 'pts0',
  ses: 9,
  comm: 'echo' as Bytes,
  exe: '/usr/bin/echo' as Bytes,
  key: 'osquery-audit-events' as Bytes,
};

export type SyscallValues = { [Field in keyof typeof SYSCALL_DEFAULTS]?: string | number | Uint8Array };

/** audit_log_exit: the fields of a SYSCALL record; an `undefined` value leaves its field out. */
export const syscallFields = (
  values: { [Field in keyof SyscallValues]: SyscallValues[Field] | undefined } = {},
): string =>
  Object.entries({ ...SYSCALL_DEFAULTS, ...values })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      name === 'comm' || name === 'exe' || name === 'key'
        ? `${name}=${untrusted(value as Bytes)}`
        : `${name}=${value}`,
    )
    .join(' ');

export const pathFields = (
  item: number,
  name: Bytes,
  { mode = '0100755', ouid = 0, ogid = 0, inode = '260249', dev = 'fe:00' } = {},
): string =>
  `item=${item} name=${untrusted(name)} inode=${inode} dev=${dev} mode=${mode} ouid=${ouid} ogid=${ogid} rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`;

/** struct sockaddr_in on x86 */
export const sockaddrIn = (address: string, port: number): Buffer =>
  Buffer.from([2, 0, port >> 8, port & 255, ...address.split('.').map(Number), ...new Array(8).fill(0)]);

/** struct sockaddr_in6 on x86 */
export const sockaddrIn6 = (address: Uint8Array, port: number): Buffer =>
  Buffer.from([10, 0, port >> 8, port & 255, 0, 0, 0, 0, ...address, 0, 0, 0, 0]);

export const saddrFields = (sockaddr: Uint8Array): string => `saddr=${hex(sockaddr)}`;

export interface Stamp {
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
}

export const STAMP: Stamp = { seconds: 1_795_474_704, milliseconds: 82, serial: 386 };

/** What stands in the datagram behind the netlink header. */
export const payload = (fields: string, { seconds, milliseconds, serial }: Stamp = STAMP): Buffer =>
  Buffer.from(`audit(${seconds}.${String(milliseconds).padStart(3, '0')}:${serial}): ${fields}`, 'latin1');

export const record = (type: number, fields: string, stamp?: Stamp): AuditRecord => {
  const bytes = payload(fields, stamp);
  return parseRecord(type, bytes, 0, bytes.length)!;
};

export const group = (...records: readonly (readonly [type: number, fields: string])[]): RecordGroup => ({
  ...STAMP,
  records: records.map(([type, fields]) => record(type, fields)),
  endedBy: 'record',
});

/** A record's fields as they came. */
export const fieldsOf = ({ bytes, start, end }: AuditRecord): string => bytes.toString('latin1', start, end);
