import { CodedError } from '../runtime/coded-error.ts';

/**
 * - `btf`: the description of the kernel's types is missing, cut off, or lacks something that a program needs
 * - `no-permission`: the kernel refuses BPF to this process
 * - `refused`: the kernel does not take a map or a program
 * - `assembler`: a program refers to something that it does not have
 */
export type BpfErrorCode = 'btf' | 'no-permission' | 'refused' | 'assembler';

export class BpfError extends CodedError<BpfErrorCode> {
  override readonly name = 'BpfError';
}
