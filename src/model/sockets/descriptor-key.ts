/** A pid is below 2^22, a descriptor below 2^30 (NR_OPEN). */
const DESCRIPTORS = 2 ** 30;

/** A number for a process and one of its descriptors. */
export const keyOf = ({ pid, fd }: { readonly pid: number; readonly fd: number }): number =>
  pid * DESCRIPTORS + fd;
