import { release } from 'node:os';

const [major, minor] = release()
  .split('.')
  .map(part => Number.parseInt(part, 10)) as [number, number];

/** Whether the running kernel is older than this version. */
export const isKernelBefore = (wantedMajor: number, wantedMinor: number): boolean =>
  major < wantedMajor || (major === wantedMajor && minor < wantedMinor);

/** The kernel records no operation of io_uring before Linux 5.16. */
export const whyNotUring = isKernelBefore(5, 16)
  ? 'kernels before 5.16 record nothing of io_uring'
  : undefined;
