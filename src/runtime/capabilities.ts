/** The Linux capabilities used here, by name. Source: linux/capability.h. */
export const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_SETPCAP: 8,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_AUDIT_CONTROL: 30,
  CAP_AUDIT_READ: 37,
} as const;

/** prctl(2) for the ambient set, which an exec passes on. Source: linux/prctl.h. */
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;

export type Capability = keyof typeof CAPABILITIES;

/** A set of capabilities: bit N stands for capability N. */
export type CapabilityMask = bigint;

export const capabilityMask = (capabilities: Iterable<Capability>): CapabilityMask => {
  let mask = 0n;
  for (const capability of capabilities) mask |= 1n << BigInt(CAPABILITIES[capability]);
  return mask;
};

export const hasCapability = (mask: CapabilityMask, capability: Capability): boolean =>
  (mask & capabilityMask([capability])) !== 0n;

/** Numbers of the capabilities in a set. */
export const capabilityNumbers = (mask: CapabilityMask): readonly number[] =>
  [...mask.toString(2)].reverse().flatMap((bit, number) => (bit === '1' ? [number] : []));

/** The privileges of one thread. The kernel keeps them for each thread separately. */
export interface ThreadPrivileges {
  readonly inheritable: CapabilityMask;
  readonly permitted: CapabilityMask;
  readonly effective: CapabilityMask;
  readonly bounding: CapabilityMask;
  readonly ambient: CapabilityMask;
  readonly noNewPrivileges: boolean;
}

/** Reads /proc/PID/task/TID/status; undefined if one of the lines is missing. */
export const parseThreadStatus = (status: string): ThreadPrivileges | undefined => {
  const mask = (name: string): CapabilityMask | undefined => {
    const digits = new RegExp(`^${name}:\\t([0-9a-f]{1,16})$`, 'm').exec(status)?.[1];
    return digits === undefined ? undefined : BigInt(`0x${digits}`);
  };
  const noNewPrivileges = /^NoNewPrivs:\t([01])$/m.exec(status)?.[1];
  const [inheritable, permitted, effective, bounding, ambient] = [
    mask('CapInh'),
    mask('CapPrm'),
    mask('CapEff'),
    mask('CapBnd'),
    mask('CapAmb'),
  ];
  if (
    inheritable === undefined ||
    permitted === undefined ||
    effective === undefined ||
    bounding === undefined ||
    ambient === undefined ||
    noNewPrivileges === undefined
  ) {
    return undefined;
  }
  return {
    inheritable,
    permitted,
    effective,
    bounding,
    ambient,
    noNewPrivileges: noNewPrivileges === '1',
  };
};

/** struct __user_cap_header_struct for the calling thread, with _LINUX_CAPABILITY_VERSION_3. */
export const capabilityHeader = (): Uint8Array => new Uint8Array(Uint32Array.of(0x2008_0522, 0).buffer);

/**
 * Two of struct __user_cap_data_struct: effective, permitted, inheritable; first the lower 32 bits, then the upper
 * ones.
 */
export const encodeCapabilities = ({
  effective,
  permitted,
  inheritable,
}: Pick<ThreadPrivileges, 'effective' | 'permitted' | 'inheritable'>): Uint8Array => {
  const sets = [effective, permitted, inheritable];
  const words = [...sets.map(set => set & 0xffff_ffffn), ...sets.map(set => (set >> 32n) & 0xffff_ffffn)];
  return new Uint8Array(Uint32Array.from(words, Number).buffer);
};
