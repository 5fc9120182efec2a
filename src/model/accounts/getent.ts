import { execFile } from 'node:child_process';
import { decodeText } from '../../audit/value.ts';
import { parsePasswdLine } from './passwd.ts';

/** Asks NSS for uids; returns the names of existing accounts. Rejects if NSS could not be asked. */
export type AskNss = (uids: readonly number[]) => Promise<ReadonlyMap<number, string>>;

export const GETENT_PATHS: readonly string[] = ['/usr/bin/getent', '/bin/getent'];
/** A directory server that does not answer must not leave processes behind. */
export const GETENT_TIMEOUT_MS = 2000;
const MAX_OUTPUT_BYTES = 65_536;
/** Most uids of one question. */
export const MAX_UIDS = 64;
/** "One or more supplied key could not be found in the database." */
const NOT_FOUND = 2;

/** The names in the output of `getent passwd UID…`. Each line must be a whole entry of one of these uids. */
export const parseGetent = (bytes: Uint8Array, uids: readonly number[]): ReadonlyMap<number, string> => {
  const lines = decodeText(bytes).split('\n');
  // Text behind the last newline is cut off.
  lines.pop();
  const names = new Map<number, string>();
  for (const line of lines) {
    const entry = parsePasswdLine(line);
    if (entry !== undefined && uids.includes(entry.uid) && !names.has(entry.uid)) {
      names.set(entry.uid, entry.name);
    }
  }
  return names;
};

/**
 * Asks NSS through `getent`: the modules of SSSD, Winbind, LDAP and systemd are libraries that a static or sandboxed
 * program cannot load. It runs by absolute path and with an empty environment, so that PATH and LD_PRELOAD have no
 * effect.
 */
export const askGetent =
  (paths: readonly string[] = GETENT_PATHS): AskNss =>
  async uids => {
    for (const path of paths) {
      const answer = await run(path, uids);
      if (answer !== 'missing') return answer;
    }
    throw new Error(`no getent at ${paths.join(' or ')}`);
  };

const run = (path: string, uids: readonly number[]): Promise<'missing' | ReadonlyMap<number, string>> =>
  new Promise((resolve, reject) => {
    const options = {
      encoding: 'buffer',
      env: {},
      cwd: '/',
      timeout: GETENT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
    } as const;
    const args = ['passwd', ...uids.map(String)];
    execFile(path, args, options, (error, stdout) => {
      if (error === null || error.code === NOT_FOUND) resolve(parseGetent(stdout, uids));
      else if (error.code === 'ENOENT') resolve('missing');
      else {
        const why = error.killed ? 'no answer in time' : error.message;
        reject(new Error(`${path} ${args.join(' ')} failed: ${why}`));
      }
    });
  });
