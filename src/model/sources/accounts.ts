import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type LaterSource, laterSource } from '../source.ts';
import type { AuditFields } from './audit.ts';

export interface AccountFields {
  /** Without the domain. */
  readonly user_name: string | undefined;
  /** The host's name for local accounts. */
  readonly user_domain: string | undefined;
  /** The whole name as the system has it: `alice`, `CORP\alice`, `alice@corp.example`. */
  readonly user_username: string | undefined;
  readonly login_user_name: string | undefined;
  readonly login_user_domain: string | undefined;
}

/** The names of the real uid and of the one that logged in. */
export const accountsSource = (accounts: Accounts): LaterSource<AccountFields> => {
  /** The answer given last: most events are of the same few accounts. */
  let last = answerOf(undefined, undefined);

  const toFields = (user: Account | undefined, login: Account | undefined): AccountFields => {
    if (last.user !== user || last.login !== login) last = answerOf(user, login);
    return last.fields;
  };

  return laterSource<AccountFields, Pick<AuditFields, 'user_uid' | 'login_user_uid'>>({
    name: 'accounts',
    provides: {
      user_name: 'output',
      user_domain: 'output',
      user_username: 'output',
      login_user_name: 'output',
      login_user_domain: 'output',
    },
    needs: ['user_uid', 'login_user_uid'],
    resolve(_event, { user_uid, login_user_uid }) {
      const user = user_uid === undefined ? undefined : accounts.find(user_uid);
      const login =
        login_user_uid === undefined || login_user_uid === user_uid
          ? undefined
          : accounts.find(login_user_uid);
      const same = login_user_uid !== undefined && login_user_uid === user_uid;
      if (user instanceof Promise || login instanceof Promise) {
        return Promise.all([user, login]).then(([first, second]) => toFields(first, same ? first : second));
      }
      return toFields(user, same ? user : login);
    },
  });
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
  } satisfies AccountFields,
});
