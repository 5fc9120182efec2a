import { describe, expect, it } from 'vitest';
import type { AccountsRequest, SeenAccounts } from '../../../src/model/accounts/look-at-accounts.ts';
import { OtherAccounts } from '../../../src/model/accounts/other-accounts.ts';
import { FakeClock } from '../fake-clock.ts';

const PLACE = { mount: 2, root: '/', user: 3 };
const setUp = (answer: Partial<SeenAccounts> | undefined) => {
  const clock = new FakeClock();
  const asked: AccountsRequest[] = [];
  const accounts = new OtherAccounts(clock, async request => {
    asked.push(request);
    return (
      answer && {
        isHost: false,
        hostName: 'web',
        accounts: request.uids.map(uid => ({
          uid,
          inner: uid - 100,
          name: uid === 100 ? 'root' : undefined,
        })),
        ...answer,
      }
    );
  });
  return { clock, asked, accounts };
};

describe('OtherAccounts', () => {
  it('asks once for all who are in the same place', async () => {
    const { accounts, asked, clock } = setUp({});
    const [first, second] = await Promise.all([
      accounts.find(PLACE, 7, [100], 0),
      accounts.find(PLACE, 8, [100], 0),
    ]);
    expect(first).toBe(second);
    expect(asked).toEqual([{ pid: 7, mount: 2, uids: [100] }]);
    const account = { name: 'root', domain: 'web', username: 'root' };
    expect((first as ReadonlyMap<number, unknown>).get(100)).toEqual({ account, inner: 0 });
    // Nobody has to live there any more.
    expect(accounts.find(PLACE, undefined, [100], 0)).toBe(first);
    expect(accounts.find({ ...PLACE, mount: 3 }, undefined, [100], 0)).toBeUndefined();
    await clock.advance(61_000);
    expect(accounts.find(PLACE, undefined, [100], 0)).toBeUndefined();
  });

  it('tells a place whose accounts are the host’s', async () => {
    const { accounts, asked } = setUp({ isHost: true });
    expect(await accounts.find(PLACE, 7, [100], 0)).toBe('host');
    expect(accounts.find(PLACE, undefined, [5], 0)).toBe('host');
    expect(asked).toHaveLength(1);
  });

  it('asks again after a while where it had no answer', async () => {
    const { accounts, asked, clock } = setUp(undefined);
    expect(await accounts.find(PLACE, 7, [100], 0)).toBeUndefined();
    await accounts.find(PLACE, 7, [100], 0);
    expect(asked).toHaveLength(1);
    await clock.advance(6_000);
    await accounts.find(PLACE, 7, [100], 0);
    expect(asked).toHaveLength(2);
  });
});
