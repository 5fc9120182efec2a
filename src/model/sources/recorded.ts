import { splitAccount } from '../accounts/account.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { AccountFields } from './accounts.ts';
import type { HostFields } from './host.ts';

type RecordedFields = HostFields & Omit<AccountFields, 'user_namespace_uid'>;

/** What a log itself tells about host and users: auditd wrote it there at the time. */
export const recordedSource = (): EventSource<RecordedFields> =>
  eventSource<RecordedFields>({
    name: 'recorded',
    provides: {
      host_name: 'output',
      user_name: 'output',
      user_domain: 'output',
      user_username: 'output',
      login_user_name: 'output',
      login_user_domain: 'output',
    },
    needs: [],
    limits: { rests: false },
    resolve: ({ node, names }) => {
      const user = names?.user === undefined ? undefined : splitAccount(names.user);
      const login = names?.login === undefined ? undefined : splitAccount(names.login);
      return {
        host_name: node,
        user_name: user?.name,
        user_domain: user?.domain,
        user_username: user?.username,
        login_user_name: login?.name,
        login_user_domain: login?.domain,
      };
    },
  });
