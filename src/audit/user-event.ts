import type { UserEvent } from './audit-event.ts';
import { type AuditRecord, FieldCursor } from './record.ts';
import { DAMAGED, decimal, decodeHex, decodeText, needsHex, readText } from './value.ts';

/**
 * Makes the event of a record that a program sent through the kernel (PAM, sudo, sshd, systemd …): `pid=… uid=…
 * auid=… ses=… msg='op=PAM:authentication acct="root" exe="/bin/su" hostname=? addr=? terminal=pts/0 res=success'`.
 * The kernel writes the part before `msg`; the inner message is the program's own text.
 *
 * @returns undefined if the kernel's part is missing, or the message is cut off: the kernel closes its quote
 */
export const readUserEvent = (record: AuditRecord): UserEvent | undefined => {
  const outer = new FieldCursor().reset(record.bytes, record.start, record.end);
  let pid: number | undefined;
  let uid: number | undefined;
  let auid: number | undefined;
  let ses: number | undefined;
  let typed: ReturnType<typeof readText>;
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
        // USER_TTY has the typed text, in the kernel's own encoding, instead of a message.
        typed ??= readText(outer);
        break;
      case 'msg':
        inner = messageSpan(outer, record.end);
        break;
    }
  }
  if (pid === undefined || uid === undefined || auid === undefined) return undefined;
  const isCut = inner === undefined ? typed === undefined : outer.unclosed || isEmptyUnquoted(outer);
  if (isCut || typed === DAMAGED) return undefined;

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
    res: fields.res ?? fields.result,
    command: fields.cmd,
  };
};

/** Whether the record ends right behind `msg=`. */
const isEmptyUnquoted = ({ quoted, valueStart, valueEnd }: FieldCursor): boolean =>
  !quoted && valueEnd === valueStart;

const keyOf = ({ bytes, keyStart, keyEnd }: FieldCursor): string =>
  bytes.toString('latin1', keyStart, keyEnd);

/** An unquoted message, from old kernels, runs to the end of the record. */
const messageSpan = (cursor: FieldCursor, end: number): { start: number; end: number } =>
  cursor.quoted ? { start: cursor.valueStart, end: cursor.valueEnd } : { start: cursor.valueStart, end };

const MESSAGE_FIELDS = ['exe', 'addr', 'terminal', 'acct', 'hostname', 'op', 'res', 'result', 'cmd'] as const;
type MessageField = (typeof MESSAGE_FIELDS)[number];
type MessageFields = { [Field in MessageField]?: string | undefined };
const fieldNames: ReadonlySet<string> = new Set(MESSAGE_FIELDS);

/** Fields that libaudit writes in hex if necessary: audit_encode_nv_string. */
const ENCODED: ReadonlySet<string> = new Set<MessageField>(['acct', 'exe', 'cmd']);

/**
 * Fields of the inner message; of several with the same name the first counts.
 *
 * dbus, and programs from before libaudit's encoding, write a sentence: `acct=alice : exe="/usr/sbin/sshd"
 * (hostname=h.example, addr=192.0.2.1, terminal=ssh res=success)`. Its punctuation does not belong to the values.
 */
const readMessage = (bytes: Buffer, start: number, end: number): MessageFields => {
  const cursor = new FieldCursor().reset(bytes, start, end);
  const fields: MessageFields = {};
  while (cursor.next()) {
    if (bytes[cursor.keyStart] === BRACKET) cursor.keyStart++;
    const key = keyOf(cursor);
    if (!isField(key) || fields[key] !== undefined) continue;
    fields[key] = messageText(cursor, ENCODED.has(key));
  }
  return fields;
};

const isField = (key: string): key is MessageField => fieldNames.has(key);

const BRACKET = 0x28;
const QUOTE = 0x22;
const UPPER_HEX = /^[0-9A-F]+$/;
/** Each of these can stand behind a value once. */
const PUNCTUATION = [0x3a, 0x2c, 0x27, 0x29];
/** How programs write that there is no value, with quotes or without. */
const NO_VALUE: ReadonlySet<string> = new Set(['?', '(none)', '(null)']);

const messageText = (cursor: FieldCursor, isEncoded: boolean): string | undefined => {
  const { bytes, valueStart, quoted } = cursor;
  // The message is whole, so an unclosed quote in it is the program's own; the end of its value is unknown.
  if (!quoted && bytes[valueStart] === QUOTE) return undefined;
  const valueEnd = quoted ? cursor.valueEnd : withoutPunctuation(bytes, valueStart, cursor.valueEnd);
  const written = decodeText(bytes, valueStart, valueEnd);
  const isHex = isEncoded && !quoted && UPPER_HEX.test(written);
  const decoded = isHex ? decodeHex(bytes, valueStart, valueEnd) : undefined;
  // Older programs write names unchanged, and some names look like hex: libaudit encodes only names that need it.
  const text = decoded !== undefined && needsHex(decoded) ? decodeText(decoded) : written;
  return NO_VALUE.has(text) || (text === '' && !quoted) ? undefined : text;
};

const withoutPunctuation = (bytes: Buffer, start: number, end: number): number => {
  const left = new Set(PUNCTUATION);
  let at = end;
  while (at > start && !NO_VALUE.has(bytes.toString('latin1', start, at)) && left.delete(bytes[at - 1]!))
    at--;
  return at;
};
