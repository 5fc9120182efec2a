type JsonObject = Readonly<Record<string, unknown>>;

/** An entry of the systemd journal, as `journalctl -o json` writes it. */
export const isJournalEntry = (entry: JsonObject): boolean =>
  'MESSAGE' in entry && ('__REALTIME_TIMESTAMP' in entry || '_BOOT_ID' in entry || '_AUDIT_ID' in entry);

/** The bytes of a message that is not text: journalctl writes them as numbers. */
const bytesOf = (message: unknown): Buffer | undefined => {
  if (typeof message === 'string') return Buffer.from(message, 'utf8');
  if (message instanceof Uint8Array) return Buffer.from(message);
  const isBytes =
    Array.isArray(message) && message.every(byte => Number.isInteger(byte) && byte >= 0 && byte < 256);
  return isBytes ? Buffer.from(message as number[]) : undefined;
};

const digits = (value: unknown): string | undefined => {
  const text = String(value ?? '');
  return /^\d+$/.test(text) ? text : undefined;
};

/**
 * The record of an entry as a line of a log. journald moves header and type of a record into separate fields:
 * `_AUDIT_ID`, `_AUDIT_TYPE` and, in microseconds, `_SOURCE_REALTIME_TIMESTAMP`; the type's name stays at the
 * beginning of the message. Other messages of the kernel or a program may contain a record, too. Source:
 * process_audit_string in systemd's journald-audit.c.
 *
 * @returns undefined for an entry without a record
 */
export const journalRecord = (entry: JsonObject): Buffer | undefined => {
  const message = bytesOf(entry.MESSAGE);
  if (message === undefined) return undefined;
  const serial = digits(entry._AUDIT_ID);
  const microseconds = digits(entry._SOURCE_REALTIME_TIMESTAMP);
  const type = digits(entry._AUDIT_TYPE);
  if (serial === undefined || microseconds === undefined || type === undefined) {
    const at = /(?:type=\S+ (?:msg=)?)audit\(\d+\.\d+:\d+\)/.exec(message.toString('latin1'))?.index;
    return at === undefined ? undefined : message.subarray(at);
  }
  const space = message.indexOf(0x20);
  const name = /^(?:[A-Z][A-Z_0-9]*|<audit-\d+>|AUDIT\d+)$/.test(
    message.toString('latin1', 0, Math.max(0, space)),
  );
  const milliseconds = microseconds.slice(0, -3).padStart(4, '0');
  const stamp = `${milliseconds.slice(0, -3)}.${milliseconds.slice(-3)}`;
  return Buffer.concat([
    Buffer.from(`type=${type} audit(${stamp}:${serial}): `),
    name ? message.subarray(space + 1) : message,
  ]);
};
