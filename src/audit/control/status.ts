/**
 * struct audit_status (linux/audit.h): u32 each, in this order. Its length grew with the kernel. Fields that a kernel
 * does not send read as 0; of what is sent to it, only fields named in `mask` are applied.
 */
export interface AuditStatus {
  readonly enabled: number;
  readonly failure: number;
  /** tgid of the owner of the unicast stream; 0 if nobody. */
  readonly pid: number;
  readonly rateLimit: number;
  readonly backlogLimit: number;
  /** Records the kernel dropped since boot. */
  readonly lost: number;
  readonly backlog: number;
  readonly featureBitmap: number;
  /** Jiffies that an audited task sleeps when the backlog is full. */
  readonly backlogWaitTime: number;
}

const WORDS = 11;

const word = (view: DataView, index: number): number =>
  view.byteLength >= (index + 1) * 4 ? view.getUint32(index * 4, true) : 0;

/** Reads the reply to AUDIT_GET. Word 0 is the mask, which has a meaning only when sending. */
export const parseAuditStatus = (bytes: Uint8Array): AuditStatus => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    enabled: word(view, 1),
    failure: word(view, 2),
    pid: word(view, 3),
    rateLimit: word(view, 4),
    backlogLimit: word(view, 5),
    lost: word(view, 6),
    backlog: word(view, 7),
    featureBitmap: word(view, 8),
    backlogWaitTime: word(view, 9),
  };
};

/** AUDIT_STATUS_* bit and word index of each field that can be set. */
const SETTABLE = {
  enabled: [0x01, 1],
  failure: [0x02, 2],
  pid: [0x04, 3],
  rateLimit: [0x08, 4],
  backlogLimit: [0x10, 5],
  backlogWaitTime: [0x20, 9],
} as const;

export type AuditStatusChange = Partial<Record<keyof typeof SETTABLE, number>>;

/** The payload of AUDIT_SET that changes only the given fields. */
export const encodeStatusChange = (change: AuditStatusChange): Uint8Array => {
  const bytes = new Uint8Array(WORDS * 4);
  const view = new DataView(bytes.buffer);
  let mask = 0;
  for (const [name, value] of Object.entries(change) as [keyof typeof SETTABLE, number | undefined][]) {
    if (value === undefined) continue;
    const [bit, index] = SETTABLE[name];
    mask |= bit;
    view.setUint32(index * 4, value, true);
  }
  view.setUint32(0, mask, true);
  return bytes;
};
