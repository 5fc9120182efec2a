import { execFile } from 'node:child_process';
import { decodeText } from '../../audit/value.ts';
import { parsePasswdLine } from './passwd.ts';

/** Asks NSS for a uid: the account's name, undefined if there is none. Rejects if NSS could not be asked. */
export type AskNss = (uid: number) => Promise<string | undefined>;

export const GETENT_PATHS: readonly string[] = ['/usr/bin/getent', '/bin/getent'];
/** A directory server that is down must not leave processes behind. */
export const GETENT_TIMEOUT_MS = 2000;
const MAX_OUTPUT_BYTES = 65_536;
/** "One or more supplied key could not be found in the database." */
const NOT_FOUND = 2;

/** The name in the output of `getent passwd UID`; undefined unless it is one whole entry of this uid. */
export const parseGetent = (bytes: Uint8Array, uid: number): string | undefined => {
  const text = decodeText(bytes);
  if (!text.endsWith('\n')) return undefined;
  const entry = parsePasswdLine(text.slice(0, -1));
  return entry?.uid === uid && !entry.name.includes('\n') ? entry.name : undefined;
};

/**
 * NSS by way of `getent`: the modules of SSSD, Winbind, LDAP and systemd are libraries that a static or sandboxed
 * program cannot load. Run by absolute path and with an empty environment, so that nobody's PATH or LD_PRELOAD has a
 * say.
 */
export const askGetent =
  (paths: readonly string[] = GETENT_PATHS): AskNss =>
  async uid => {
    for (const path of paths) {
      const answer = await run(path, uid);
      if (answer !== 'missing') return answer.name;
    }
    throw new Error(`no getent at ${paths.join(' or ')}`);
  };

const run = (path: string, uid: number): Promise<'missing' | { readonly name: string | undefined }> =>
  new Promise((resolve, reject) => {
    const options = {
      encoding: 'buffer',
      env: {},
      cwd: '/',
      timeout: GETENT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
    } as const;
    execFile(path, ['passwd', String(uid)], options, (error, stdout) => {
      if (error === null) resolve({ name: parseGetent(stdout, uid) });
      else if (error.code === 'ENOENT') resolve('missing');
      else if (error.code === NOT_FOUND) resolve({ name: undefined });
      else
        reject(
          new Error(`${path} passwd ${uid} failed: ${error.killed ? 'no answer in time' : error.message}`),
        );
    });
  });
