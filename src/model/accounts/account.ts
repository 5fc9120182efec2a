/** The account of a uid. */
export interface Account {
  /** Without its domain. */
  readonly name: string;
  /** The host's name for local accounts; undefined if the system does not tell. */
  readonly domain: string | undefined;
  /** The full name in the system: `alice`, `CORP\alice`, `alice@corp.example`. */
  readonly username: string;
}

/** Splits `DOMAIN\user` (Winbind) and `user@domain` (SSSD). */
export const splitAccount = (username: string): Account => {
  const backslash = username.indexOf('\\');
  if (backslash > 0 && backslash < username.length - 1) {
    return { name: username.slice(backslash + 1), domain: username.slice(0, backslash), username };
  }
  const at = username.lastIndexOf('@');
  if (at > 0 && at < username.length - 1) {
    return { name: username.slice(0, at), domain: username.slice(at + 1), username };
  }
  return { name: username, domain: undefined, username };
};

export const localAccount = (username: string, hostName: string | undefined): Account => ({
  name: username,
  domain: hostName,
  username,
});
