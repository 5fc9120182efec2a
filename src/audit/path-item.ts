import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { DAMAGED, decimal, plainText, readText } from './value.ts';

/** The role of a file in a call. Source: enum in include/linux/audit.h, audit_log_name in kernel/auditsc.c. */
export type NameType = 'PARENT' | 'NORMAL' | 'DELETE' | 'CREATE' | 'UNKNOWN';

/** The content of a PATH record: a file that a call named. */
export interface PathItem {
  readonly item: number;
  /** The name that the call was given, decoded; undefined if it was given a descriptor. */
  readonly name: string | undefined;
  readonly type: NameType;
  /** `dev:inode`, which identifies the file; undefined if no file was found. */
  readonly identity: string | undefined;
  readonly inode: string | undefined;
  readonly mode: string | undefined;
  readonly ouid: number | undefined;
  readonly ogid: number | undefined;
}

const ITEM = keyHash('item');
const NAME = keyHash('name');
const INODE = keyHash('inode');
const DEV = keyHash('dev');
const MODE = keyHash('mode');
const OUID = keyHash('ouid');
const OGID = keyHash('ogid');
const NAMETYPE = keyHash('nametype');
const OBJTYPE = keyHash('objtype');

const TYPES: ReadonlySet<string> = new Set<NameType>(['PARENT', 'NORMAL', 'DELETE', 'CREATE', 'UNKNOWN']);
const cursor = new FieldCursor();

/** @returns undefined for a record that is damaged or cut off, which is counted */
export const readPathItem = (record: AuditRecord): PathItem | undefined => {
  let item: number | undefined;
  let name: ReturnType<typeof readText>;
  let inode: string | undefined;
  let dev: string | undefined;
  let mode: string | undefined;
  let ouid: number | undefined;
  let ogid: number | undefined;
  let type: string | undefined;
  cursor.reset(record.bytes, record.start, record.end);
  while (type === undefined && name !== DAMAGED && cursor.next()) {
    switch (cursor.key) {
      case ITEM:
        item = decimal(cursor);
        break;
      case NAME:
        name = readText(cursor);
        break;
      case INODE:
        inode = plainText(cursor);
        break;
      case DEV:
        dev = plainText(cursor);
        break;
      case MODE:
        mode = plainText(cursor);
        break;
      case OUID:
        ouid = decimal(cursor);
        break;
      case OGID:
        ogid = decimal(cursor);
        break;
      // The field's name in kernels before 4.0.
      case OBJTYPE:
      case NAMETYPE:
        type = plainText(cursor);
        break;
    }
  }
  if (item === undefined || name === DAMAGED || type === undefined || !TYPES.has(type)) {
    damage.records++;
    return undefined;
  }
  const identity = inode === undefined || dev === undefined ? undefined : `${dev}:${inode}`;
  return { item, name, type: type as NameType, identity, inode, mode, ouid, ogid };
};
