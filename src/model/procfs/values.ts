import { decodeText } from '../../audit/value.ts';

/** `loginuid` and `sessionid` if none was set. */
export const UNSET_ID = 4_294_967_295;

/** The content of a file with one unsigned 32-bit number: `loginuid`, `sessionid`. */
export const parseId = (bytes: Uint8Array): number | undefined => {
  const text = decodeText(bytes);
  const value = /^\d{1,10}\n?$/.test(text) ? Number(text) : Number.NaN;
  return value <= UNSET_ID ? value : undefined;
};

/** The number in the target of a link in `/proc/PID/ns`: `mnt:[4026531841]`. */
export const parseNamespace = (target: string): number | undefined => {
  const match = /^[a-z_]+:\[(\d{1,15})\]$/.exec(target);
  return match === null ? undefined : Number(match[1]);
};

/** Seconds since boot, including suspension: the first number of `/proc/uptime`. */
export const parseUptime = (bytes: Uint8Array): number | undefined => {
  const match = /^(\d{1,12}\.\d{1,9}) /.exec(decodeText(bytes));
  return match === null ? undefined : Number(match[1]);
};

/** The arguments in `/proc/PID/cmdline`; undefined for a process without any, such as a kernel thread. */
export const parseCmdline = (bytes: Uint8Array): readonly string[] | undefined => {
  if (bytes.length === 0) return undefined;
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  const argv: string[] = [];
  let start = 0;
  for (let at = 0; at <= end; at++) {
    if (at < end && bytes[at] !== 0) continue;
    argv.push(decodeText(bytes, start, at));
    start = at + 1;
  }
  return argv;
};
