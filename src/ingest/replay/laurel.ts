import { needsHex } from '../../audit/value.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * `{"ID":"1364481363.243:24287","SYSCALL":{…},"EXECVE":{…},"CWD":{…},"PATH":[…]}`: an event as laurel writes it.
 * Source: laurel's json-format.md.
 */
export const isLaurel = ({ ID }: JsonObject): boolean => typeof ID === 'string' && /^\d+\.\d+:\d+$/.test(ID);

/** Keys whose values the kernel writes as untrusted strings; laurel has decoded them. */
const TEXTS: ReadonlySet<string> = new Set(['comm', 'exe', 'cwd', 'name', 'key', 'acct', 'cmd', 'data']);

/** Its records as lines of a log, in the kernel's notation. */
export const laurelRecords = (event: JsonObject): Buffer[] => {
  const node = typeof event.NODE === 'string' && !/\s/.test(event.NODE) ? `node=${event.NODE} ` : '';
  const lines: Buffer[] = [];
  for (const [type, value] of Object.entries(event)) {
    if (!/^[A-Z][A-Z_0-9]+$/.test(type) || type === 'ID' || type === 'NODE') continue;
    for (const record of Array.isArray(value) ? value : [value]) {
      if (typeof record !== 'object' || record === null) continue;
      const fields = fieldsOf(type, record as JsonObject);
      if (fields !== undefined)
        lines.push(Buffer.from(`${node}type=${type} msg=audit(${event.ID}): ${fields}`, 'latin1'));
    }
  }
  return lines;
};

/** undefined if the kernel's record cannot be reconstructed. */
const fieldsOf = (type: string, record: JsonObject): string | undefined => {
  if (type === 'EXECVE') return argumentsOf(record);
  if (type === 'PROCTITLE' || type === 'PARENT_INFO') return undefined;
  const interpreted = Object.entries(record).filter(([key]) => /^[A-Z]/.test(key) && key !== 'ARGV');
  const raw = Object.entries(record).filter(([key]) => /^[a-z]/.test(key));
  // The arguments of a system call come together, behind `exit`.
  const call = Array.isArray(record.ARGV) ? record.ARGV.map((value, i) => `a${i}=${word(value)}`) : [];
  const fields = raw.map(([key, value]) => `${key}=${written(key, value)}`);
  const at = fields.findIndex(field => field.startsWith('items=') || field.startsWith('ppid='));
  fields.splice(at < 0 ? fields.length : at, 0, ...call);
  const texts = interpreted.filter(([, value]) => typeof value === 'string' && !/["\n]/.test(value));
  const behind = texts.map(([key, value]) => `${key}="${value}"`).join(' ');
  if (!type.startsWith('USER_') && !type.startsWith('CRED_'))
    return fields.join(' ') + (behind === '' ? '' : `\x1d${behind}`);
  return messageFields(raw);
};

/** The kernel's part of a message, then the message. */
const messageFields = (raw: readonly (readonly [string, unknown])[]): string => {
  const kernels = new Set(['pid', 'uid', 'auid', 'ses', 'subj']);
  const write = (fields: typeof raw): string =>
    fields.map(([key, value]) => `${key}=${written(key, value)}`).join(' ');
  const message = raw.find(([key]) => key === 'msg')?.[1];
  const inner = typeof message === 'string' ? message : write(raw.filter(([key]) => !kernels.has(key)));
  return `${write(raw.filter(([key]) => kernels.has(key)))} msg='${inner}'`;
};

/** An argument that laurel shortened is not text; then the list is incomplete, and is not read. */
const argumentsOf = ({ argc, ARGV }: JsonObject): string | undefined => {
  if (!Array.isArray(ARGV) || !ARGV.every(argument => typeof argument === 'string')) return undefined;
  const count = typeof argc === 'number' ? argc : ARGV.length;
  return [`argc=${count}`, ...ARGV.map((argument, i) => `a${i}=${untrusted(argument)}`)].join(' ');
};

const written = (key: string, value: unknown): string => {
  if (value === null) return '(null)';
  if (typeof value !== 'string') return String(value);
  if (key === 'saddr')
    return /^(?:[0-9A-Fa-f]{2})+$/.test(value) ? value : decoded(value).toString('hex').toUpperCase();
  return TEXTS.has(key) ? untrusted(value) : word(value);
};

/** `0xc000003e` and `0o100755` as the kernel writes them. */
const word = (value: unknown): string =>
  String(value)
    .replace(/^0x/, '')
    .replace(/^0o/, '0')
    .replaceAll(/[\s"']/g, '');

/** laurel writes bytes that are not printable ASCII as `%HH`. */
const decoded = (text: string): Buffer =>
  Buffer.from(
    Buffer.from(text, 'utf8')
      .toString('latin1')
      .replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );

const untrusted = (text: string): string => {
  const bytes = decoded(text);
  return needsHex(bytes) ? bytes.toString('hex').toUpperCase() : `"${bytes.toString('latin1')}"`;
};
