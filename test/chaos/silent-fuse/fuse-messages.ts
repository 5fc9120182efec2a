/** A request of the kernel to a FUSE server. Source: linux/fuse.h, version 7.31. */
export interface FuseRequest {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: bigint;
  /** Who waits for the answer; 0 for the kernel itself. */
  readonly pid: number;
  readonly body: Buffer;
}

export const FUSE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  OPEN: 14,
  READ: 15,
  STATFS: 17,
  RELEASE: 18,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  ACCESS: 34,
  INTERRUPT: 36,
  BATCH_FORGET: 42,
} as const;

/** Bytes that the kernel wants to be able to write at once. */
export const BUFFER_BYTES = 1_048_576 + 4_096;

const IN_HEADER = 40;
const OUT_HEADER = 16;

export const parseRequest = (bytes: Buffer): FuseRequest => ({
  opcode: bytes.readUInt32LE(4),
  unique: bytes.readBigUInt64LE(8),
  node: bytes.readBigUInt64LE(16),
  pid: bytes.readUInt32LE(32),
  body: bytes.subarray(IN_HEADER),
});

/** @param error a positive errno, or 0 */
export const encodeReply = (unique: bigint, error: number, body: Uint8Array = new Uint8Array()): Buffer => {
  const reply = Buffer.alloc(OUT_HEADER + body.length);
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(-error, 4);
  reply.writeBigUInt64LE(unique, 8);
  reply.set(body, OUT_HEADER);
  return reply;
};

export const initReply = (): Buffer => {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt32LE(65_536, 8); // max_readahead
  body.writeUInt32LE(65_536, 20); // max_write
  body.writeUInt32LE(1, 24); // time_gran
  return body;
};

export interface FuseFile {
  readonly node: bigint;
  readonly mode: number;
  readonly size: number;
}

const attributes = ({ node, mode, size }: FuseFile): Buffer => {
  const body = Buffer.alloc(88);
  body.writeBigUInt64LE(node, 0);
  body.writeBigUInt64LE(BigInt(size), 8);
  body.writeBigUInt64LE(8n, 16); // blocks
  for (const at of [24, 32, 40]) body.writeBigUInt64LE(1_700_000_000n, at); // atime, mtime, ctime
  body.writeUInt32LE(mode, 60);
  body.writeUInt32LE(1, 64); // nlink
  body.writeUInt32LE(4096, 80); // blksize
  return body;
};

/** Answers to a GETATTR: valid for no time, so that the next look asks again. */
export const attributesReply = (file: FuseFile): Buffer =>
  Buffer.concat([Buffer.alloc(16), attributes(file)]);

/** … and to a LOOKUP; the name stays valid for an hour. */
export const entryReply = (file: FuseFile): Buffer => {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(file.node, 0);
  head.writeBigUInt64LE(3_600n, 16);
  return Buffer.concat([head, attributes(file)]);
};

export const statfsReply = (): Buffer => {
  const body = Buffer.alloc(80);
  body.writeUInt32LE(4096, 40); // bsize
  body.writeUInt32LE(255, 44); // namelen
  body.writeUInt32LE(4096, 48); // frsize
  return body;
};
