import { isIP } from 'node:net';

/** `repository` of a package.json: what npm and its website link to. */
export interface Repository {
  readonly type: 'git';
  readonly url: string;
  readonly directory: string;
}

const PROTOCOLS = new Set(['https:', 'http:', 'ssh:', 'git:']);
/** `git@example.org:owner/name.git`, as ssh and git take it. */
const SCP_LIKE = /^([\w.-]+@)?([\w.-]+):(?!\/\/)\/*(.+)$/;

/**
 * The `repository` entry of package.json from the URL of a git remote, without a password or token in it.
 *
 * @param remote as `git remote get-url` prints it
 * @param directory of the package in the repository
 * @returns undefined if nobody else could reach it: a path, a host without a domain, an address
 */
export function repositoryOf(remote: string, directory: string): Repository | undefined {
  const [, user = '', host, path] = SCP_LIKE.exec(remote) ?? [];
  const text = host === undefined ? remote : `ssh://${user}${host}/${path}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!PROTOCOLS.has(url.protocol)) return undefined;
  if (!url.hostname.includes('.') || isIP(url.hostname) !== 0) return undefined;
  url.password = '';
  // For ssh the user is part of the address; for https it is the person who cloned.
  if (url.protocol !== 'ssh:') url.username = '';
  url.search = '';
  url.hash = '';
  return { type: 'git', url: url.protocol === 'git:' ? url.href : `git+${url.href}`, directory };
}
