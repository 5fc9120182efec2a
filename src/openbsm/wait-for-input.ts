import { libc } from '../runtime/libc.ts';

/** Descriptors that a set of select(2) can hold, on macOS as on Linux. */
const FD_SETSIZE = 1024;
/** struct timeval on 64 bits: seconds, microseconds, padding if those are 32 bits wide. */
const TIMEVAL_BYTES = 16;

let select: ReturnType<typeof libc.func> | undefined;

/**
 * Waits, outside the calling thread, until a descriptor can be read without waiting. It uses select(2), because
 * poll(2) of macOS does not support devices, and a blocked read can be neither ended nor abandoned. Source: poll(2)
 * of macOS, BUGS.
 *
 * @returns false if `milliseconds` passed, or a signal came, before there was anything to read
 * @throws RangeError for a descriptor above the limit of select(2)
 */
export const waitForInput = async (fd: number, milliseconds: number): Promise<boolean> => {
  if (fd >= FD_SETSIZE) throw new RangeError(`descriptor ${fd}: select takes those below ${FD_SETSIZE}`);
  const readable = new Uint8Array(FD_SETSIZE / 8);
  readable[fd >> 3] = 1 << (fd & 7);
  const timeout = new DataView(new ArrayBuffer(TIMEVAL_BYTES));
  timeout.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), true);
  timeout.setInt32(8, (milliseconds % 1000) * 1000, true);

  select ??= libc.func(
    'int select(int count, void *readable, void *writable, void *exceptional, void *timeout)',
  );
  const count = await new Promise<number>((resolve, reject) =>
    select!.async(
      fd + 1,
      readable,
      null,
      null,
      new Uint8Array(timeout.buffer),
      (error: unknown, result: number) => (error == null ? resolve(result) : reject(error)),
    ),
  );
  return count > 0;
};
