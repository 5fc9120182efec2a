import { describe, expect, it } from 'vitest';
import type { Account } from '../../../src/model/accounts/account.ts';
import type { Accounts } from '../../../src/model/accounts/accounts.ts';
import { accountsSource } from '../../../src/model/sources/accounts.ts';
import { exec } from '../process-events.ts';

const alice: Account = { name: 'alice', domain: 'CORP', username: 'CORP\\alice' };
const root: Account = { name: 'root', domain: 'web1', username: 'root' };

const setUp = (answers: Readonly<Record<number, Account | Promise<Account | undefined>>>) => {
  const asked: number[] = [];
  const accounts = {
    find: (uid: number) => {
      asked.push(uid);
      return answers[uid];
    },
  } as unknown as Accounts;
  const source = accountsSource(accounts, undefined);
  return { asked, resolve: (known: object) => source.resolve(exec(), known as Record<string, unknown>) };
};

const ofRoot = { user_name: 'root', user_domain: 'web1', user_username: 'root' };
const nobodyLoggedIn = { login_user_name: undefined, login_user_domain: undefined };

describe('accountsSource', () => {
  it('names who runs it and who logged in', () => {
    const { resolve } = setUp({ 0: root, 70001: alice });
    expect(resolve({ user_uid: 0, login_user_uid: 70_001 })).toEqual({
      ...ofRoot,
      login_user_name: 'alice',
      login_user_domain: 'CORP',
    });
  });

  it('asks once where both are the same', () => {
    const { resolve, asked } = setUp({ 0: root });
    expect(resolve({ user_uid: 0, login_user_uid: 0 })).toMatchObject({
      login_user_name: 'root',
      login_user_domain: 'web1',
    });
    expect(asked).toEqual([0]);
  });

  it('has no login name where nobody logged in, and no names for a uid without an account', () => {
    const { resolve } = setUp({ 0: root });
    expect(resolve({ user_uid: 0 })).toEqual({ ...ofRoot, ...nobodyLoggedIn });
    expect(resolve({ user_uid: 5 })).toEqual({
      user_name: undefined,
      user_domain: undefined,
      user_username: undefined,
      ...nobodyLoggedIn,
    });
  });

  it('waits where it has to', async () => {
    const { resolve } = setUp({ 0: root, 70001: Promise.resolve(alice) });
    expect(await resolve({ user_uid: 70_001, login_user_uid: 70_001 })).toEqual({
      user_name: 'alice',
      user_domain: 'CORP',
      user_username: 'CORP\\alice',
      login_user_name: 'alice',
      login_user_domain: 'CORP',
    });
    expect(await resolve({ user_uid: 0, login_user_uid: 70_001 })).toMatchObject({
      ...ofRoot,
      login_user_name: 'alice',
    });
  });
});
