import { readFileSync } from 'node:fs';
import { messageOf } from '../runtime/message-of.ts';
import { BpfError } from './bpf-error.ts';
import { Btf } from './btf.ts';
import { KERNEL_BTF } from './kernel-btf-path.ts';

/**
 * The types of the running kernel.
 *
 * @throws BpfError `btf` if the kernel has no BTF (CONFIG_DEBUG_INFO_BTF), or it cannot be read
 */
export const readKernelBtf = (path = KERNEL_BTF): Btf => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new BpfError('btf', `the kernel's types cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return new Btf(bytes);
};
