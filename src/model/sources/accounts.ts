import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { OtherAccounts, OtherAnswer } from '../accounts/other-accounts.ts';
import { ownerOf } from '../looks/quarantine.ts';
import { type LaterSource, laterSource } from '../source.ts';
import type { AuditFields } from './audit.ts';
import type { PlaceFields } from './place.ts';

export interface AccountFields {
  /** Without the domain. */
  readonly user_name: string | undefined;
  /** The host's name for local accounts. */
  readonly user_domain: string | undefined;
  /** The full name in the system: `alice`, `CORP\alice`, `alice@corp.example`. */
  readonly user_username: string | undefined;
  readonly login_user_name: string | undefined;
  readonly login_user_domain: string | undefined;
  /** The uid in the process's own user namespace; undefined if it sees the host's accounts. */
  readonly user_namespace_uid: number | undefined;
}

/** Accounts of processes that do not see the host's. */
export interface Elsewhere {
  find: OtherAccounts['find'];
}

/**
 * The names of the real uid and the login uid, as the process itself sees them: if its root directory is not the
 * host's, the host's names do not apply.
 *
 * @param elsewhere undefined if every process is assumed to see the host's accounts
 */
export const accountsSource = (
  accounts: Accounts,
  elsewhere: Elsewhere | undefined,
): LaterSource<AccountFields> => {
  /** The last answer: most events concern the same few accounts. */
  let last = answerOf(undefined, undefined);

  const toFields = (user: Account | undefined, login: Account | undefined): AccountFields => {
    if (last.user !== user || last.login !== login) last = answerOf(user, login);
    return last.fields;
  };

  const findHere = (
    user_uid: number | undefined,
    login_user_uid: number | undefined,
  ): AccountFields | Promise<AccountFields> => {
    const user = user_uid === undefined ? undefined : accounts.find(user_uid);
    const login =
      login_user_uid === undefined || login_user_uid === user_uid ? undefined : accounts.find(login_user_uid);
    const same = login_user_uid !== undefined && login_user_uid === user_uid;
    if (user instanceof Promise || login instanceof Promise) {
      return Promise.all([user, login]).then(([first, second]) => toFields(first, same ? first : second));
    }
    return toFields(user, same ? user : login);
  };

  return laterSource<AccountFields, Pick<AuditFields, 'user_uid' | 'login_user_uid'> & PlaceFields>({
    name: 'accounts',
    provides: {
      user_name: 'output',
      user_domain: 'output',
      user_username: 'output',
      login_user_name: 'output',
      login_user_domain: 'output',
      user_namespace_uid: 'output',
    },
    needs: ['user_uid', 'login_user_uid', 'place', 'place_witness'],
    resolve(event, { user_uid, login_user_uid, place, place_witness }) {
      if (elsewhere === undefined || place === null) return findHere(user_uid, login_user_uid);
      if (place === undefined) return undefined;
      const uids = [...new Set([user_uid, login_user_uid].filter(uid => uid !== undefined))];
      const answer = elsewhere.find(place, place_witness, uids, ownerOf(event));
      const fields = (found: OtherAnswer): AccountFields | Promise<AccountFields> | undefined =>
        found === 'host' ? findHere(user_uid, login_user_uid) : fieldsOf(found, user_uid, login_user_uid);
      return answer instanceof Promise ? answer.then(fields) : fields(answer);
    },
  });
};

const fieldsOf = (
  found: Exclude<OtherAnswer, 'host'>,
  user_uid: number | undefined,
  login_user_uid: number | undefined,
): AccountFields | undefined => {
  const user = user_uid === undefined ? undefined : found?.get(user_uid);
  const login = login_user_uid === undefined ? undefined : found?.get(login_user_uid);
  return found && { ...answerOf(user?.account, login?.account).fields, user_namespace_uid: user?.inner };
};

const answerOf = (user: Account | undefined, login: Account | undefined) => ({
  user,
  login,
  fields: {
    user_name: user?.name,
    user_domain: user?.domain,
    user_username: user?.username,
    login_user_name: login?.name,
    login_user_domain: login?.domain,
    user_namespace_uid: undefined,
  } satisfies AccountFields,
});
