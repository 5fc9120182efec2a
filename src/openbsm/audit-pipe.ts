import { open } from 'node:fs/promises';
import { fromFileError, OpenBsmError } from './errors.ts';
import { waitForInput } from './wait-for-input.ts';

export const AUDIT_PIPE = '/dev/auditpipe';

/** More than the kernel queues for a pipe by default, so one read takes all that waits. */
const READ_BYTES = 1024 * 1024;
/** Milliseconds between two looks at the signal while no record comes. */
const IDLE_MS = 200;

export interface AuditPipeOptions {
  readonly platform?: NodeJS.Platform;
  /** Called once the device is open. From then on no record is missed. */
  readonly onOpen?: () => void;
  /** Ends the reading. First it reads what waits in the pipe at that moment, whether or not records still come. */
  readonly signal?: AbortSignal;
  /** Another device or file, for tests. */
  readonly path?: string;
}

/**
 * The live records of macOS, as bytes of a trail. A pipe that was opened and not configured delivers what the
 * system's own audit selection (audit_control) records. The device itself never ends.
 *
 * The kernel queues 128 records and drops further ones. It counts them for an ioctl, AUDITPIPE_GET_DROPS, which is
 * not used here. Source: xnu, bsd/security/audit/audit_pipe.c.
 *
 * @throws OpenBsmError on other systems, without permission, and if there is no auditing
 */
export async function* readAuditPipe({
  platform = process.platform,
  onOpen,
  signal,
  path = AUDIT_PIPE,
}: AuditPipeOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  if (platform !== 'darwin') {
    throw new OpenBsmError(
      'unsupported',
      `${path} is a device of macOS, and this is ${platform}: read a recorded trail instead, with --replay FILE`,
    );
  }
  const pipe = await open(path, 'r').catch(error => {
    throw fromFileError(path, error);
  });
  try {
    onOpen?.();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const isLast = signal?.aborted ?? false;
      if (await waitForInput(pipe.fd, isLast ? 0 : IDLE_MS)) {
        const { bytesRead } = await pipe.read(buffer, 0, buffer.length, null).catch(error => {
          throw fromFileError(path, error);
        });
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
      if (isLast) return;
    }
  } finally {
    await pipe.close();
  }
}
