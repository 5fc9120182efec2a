import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';

/** A member of a kernel structure: `task_struct`, `audit_context`. Of several the first that this kernel has. */
export type MemberName = readonly [struct: string, ...paths: readonly string[]];

/**
 * Where members are in this kernel's structures, in bytes.
 *
 * @throws BpfError `btf` that names the first member that is missing
 */
export const kernelOffsets = <Name extends string>(
  btf: Btf,
  members: Readonly<Record<Name, MemberName>>,
): Readonly<Record<Name, number>> => {
  const offsets = {} as Record<Name, number>;
  for (const name of Object.keys(members) as Name[]) {
    const [struct, ...paths] = members[name];
    let offset: number | undefined;
    for (const path of paths) offset ??= btf.offset(struct, path);
    if (offset === undefined) {
      throw new BpfError('btf', `this kernel's struct ${struct} has no member ${paths.join(' or ')}`);
    }
    offsets[name] = offset;
  }
  return offsets;
};
