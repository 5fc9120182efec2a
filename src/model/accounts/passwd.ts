import { decodeText } from '../../audit/value.ts';

/** Most entries of one passwd file; NSS answers for the others. */
export const MAX_PASSWD_ENTRIES = 65_536;

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
}

/** One line of passwd(5), without its newline; undefined for comments, NIS marks and anything malformed. */
export const parsePasswdLine = (line: string): PasswdEntry | undefined => {
  const fields = line.split(':');
  const [name, , uid] = fields;
  // getpwent asks for seven fields; it also refuses names that begin with + or -, which once included NIS maps.
  if (fields.length < 7 || name === undefined || name === '' || /^[+\-#]/.test(name)) return undefined;
  if (uid === undefined || !/^\d{1,10}$/.test(uid) || Number(uid) > 4_294_967_294) return undefined;
  return { name, uid: Number(uid) };
};

/** Names by uid; the first entry of a uid counts, as in getpwuid(3). */
export const parsePasswd = (bytes: Uint8Array): ReadonlyMap<number, string> => {
  const names = new Map<number, string>();
  for (const line of decodeText(bytes).split('\n')) {
    const entry = parsePasswdLine(line);
    if (entry === undefined || names.has(entry.uid)) continue;
    if (names.size >= MAX_PASSWD_ENTRIES) break;
    names.set(entry.uid, entry.name);
  }
  return names;
};
