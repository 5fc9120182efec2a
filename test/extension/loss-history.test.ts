import { describe, expect, test } from 'vitest';
import { LossHistory, MAX_LOSS_ROWS } from '../../src/extension/loss-history.ts';

const summary = (history: LossHistory) =>
  history.rows().map(({ since, time, counter, lost }) => [since, time, counter, lost]);

describe('LossHistory', () => {
  test('has a row for each counter that grew, from one look to the next', () => {
    const history = new LossHistory({ kernel_lost: 5 }, 100);
    history.look({ kernel_lost: 5, serial_gaps: 0 }, 200);
    expect(history.rows()).toEqual([]);
    history.look({ kernel_lost: 8, process_events_evicted_unread: 2, user_events_evicted_unread: 1 }, 260);
    expect(history.rows()).toEqual([
      {
        since: 200,
        time: 260,
        counter: 'kernel_lost',
        cause: 'records the kernel dropped',
        lost: 3,
        raise: '--audit_backlog_limit',
      },
      expect.objectContaining({ counter: 'process_events_evicted_unread', lost: 2 }),
      expect.objectContaining({ counter: 'user_events_evicted_unread', lost: 1 }),
    ]);
  });

  test('looks within a minute are one row, later ones another', () => {
    const history = new LossHistory({}, 100);
    history.look({ kernel_lost: 1 }, 110);
    history.look({ kernel_lost: 2 }, 120);
    history.look({ kernel_lost: 2 }, 130);
    history.look({ kernel_lost: 5 }, 159);
    history.look({ kernel_lost: 6 }, 161);
    expect(summary(history)).toEqual([
      [100, 159, 'kernel_lost', 5],
      [159, 161, 'kernel_lost', 1],
    ]);
  });

  test('a counter that was reset, and counts that were taken over, are no losses', () => {
    const history = new LossHistory({ kernel_lost: 9 }, 100);
    history.look({ kernel_lost: 0 }, 110);
    history.skip({ kernel_lost: 50 }, 120);
    history.look({ kernel_lost: 50 }, 130);
    expect(history.rows()).toEqual([]);
  });

  test('a clock that is set back begins a new row', () => {
    const history = new LossHistory({}, 1_000);
    history.look({ kernel_lost: 1 }, 1_010);
    history.look({ kernel_lost: 2 }, 500);
    expect(summary(history)).toEqual([
      [1_000, 1_010, 'kernel_lost', 1],
      [1_010, 500, 'kernel_lost', 1],
    ]);
  });

  test('keeps the newest rows, and counts on in the right ones', () => {
    const history = new LossHistory({}, 0);
    const at = 60 * (MAX_LOSS_ROWS + 3);
    for (let lost = 1; lost <= MAX_LOSS_ROWS + 3; lost++) history.look({ kernel_lost: lost }, 60 * lost);
    expect(history.rows()).toHaveLength(MAX_LOSS_ROWS);
    expect(history.rows()[0]).toMatchObject({ time: 4 * 60 });
    history.look({ kernel_lost: MAX_LOSS_ROWS + 4 }, at + 1);
    expect(history.rows().at(-1)).toMatchObject({ since: at, time: at + 1, lost: 1 });
  });
});
