import type { UserEvent } from './audit-event.ts';
import { type AuditRecord, FieldCursor } from './record.ts';
import { decimal, decodeText, plainText, untrustedText } from './value.ts';

/**
 * Makes the event of a record a program sent through the kernel (PAM, sudo, sshd, systemd …):
 * `pid=… uid=… auid=… ses=… msg='op=PAM:authentication acct="root" exe="/bin/su" hostname=? addr=? terminal=pts/0 res=success'`.
 * The kernel writes what stands before `msg`; the inner message is the program's own text.
 *
 * @returns undefined if the kernel's part is missing
 */
export const readUserEvent = (record: AuditRecord): UserEvent | undefined => {
  const outer = new FieldCursor().reset(record.bytes, record.start, record.end);
  let pid: number | undefined;
  let uid: number | undefined;
  let auid: number | undefined;
  let ses: number | undefined;
  let typed: string | undefined;
  let inner: { readonly start: number; readonly end: number } | undefined;
  while (inner === undefined && outer.next()) {
    switch (keyOf(outer)) {
      case 'pid':
        pid ??= decimal(outer);
        break;
      case 'uid':
        uid ??= decimal(outer);
        break;
      case 'auid':
        auid ??= decimal(outer);
        break;
      case 'ses':
        ses ??= decimal(outer);
        break;
      case 'data':
        // USER_TTY: what was typed, in the kernel's own encoding, in place of a message.
        typed ??= untrustedText(outer);
        break;
      case 'msg':
        inner = messageSpan(outer, record.end);
        break;
    }
  }
  if (pid === undefined || uid === undefined || auid === undefined) return undefined;

  const { start, end } = inner ?? { start: record.end, end: record.end };
  const fields = readMessage(record.bytes, start, end);
  return {
    kind: 'user',
    seconds: record.seconds,
    milliseconds: record.milliseconds,
    serial: record.serial,
    type: record.type,
    pid,
    uid,
    auid,
    ses,
    message: inner === undefined && typed !== undefined ? typed : decodeText(record.bytes, start, end),
    path: fields.exe,
    address: fields.addr,
    terminal: fields.terminal,
    acct: fields.acct,
    hostname: fields.hostname,
    op: fields.op,
    res: fields.res,
  };
};

const keyOf = ({ bytes, keyStart, keyEnd }: FieldCursor): string =>
  bytes.toString('latin1', keyStart, keyEnd);

/** An unquoted message runs to the end of the record. */
const messageSpan = (cursor: FieldCursor, end: number): { start: number; end: number } =>
  cursor.quoted ? { start: cursor.valueStart, end: cursor.valueEnd } : { start: cursor.valueStart, end };

type MessageFields = {
  [Field in 'exe' | 'addr' | 'terminal' | 'acct' | 'hostname' | 'op' | 'res']?: string | undefined;
};

/** Fields of the inner message; the first of a name counts, `?` is no value. */
const readMessage = (bytes: Buffer, start: number, end: number): MessageFields => {
  const cursor = new FieldCursor().reset(bytes, start, end);
  const fields: MessageFields = {};
  while (cursor.next()) {
    const key = keyOf(cursor);
    switch (key) {
      // What libaudit encodes in hex when it has to: audit_encode_nv_string.
      case 'acct':
      case 'exe':
        if (fields[key] === undefined) fields[key] = untrustedText(cursor);
        break;
      case 'addr':
      case 'terminal':
      case 'hostname':
      case 'op':
      case 'res':
        if (fields[key] === undefined) fields[key] = plainText(cursor);
        break;
    }
  }
  return fields;
};
