import { readFileSync } from 'node:fs';
import { messageOf } from '../runtime/message-of.ts';
import { BpfError } from './bpf-error.ts';
import { Btf } from './btf.ts';

const PATH = '/sys/kernel/btf/vmlinux';

/**
 * The types of the running kernel.
 *
 * @throws BpfError `btf` if the kernel has no BTF (CONFIG_DEBUG_INFO_BTF), or it cannot be read
 */
export const readKernelBtf = (path = PATH): Btf => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new BpfError('btf', `the kernel's types cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return new Btf(bytes);
};
