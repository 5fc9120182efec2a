import { writeFileSync } from 'node:fs';
import { connectRecords, execRecords } from '../../bench/records.ts';

/** 2026-01-01T00:00:00Z. */
const FIRST_SECOND = 1_767_225_600;
const PER_SECOND = 100;

export interface RecordedEvents {
  readonly execs: number;
  readonly connects: number;
  /** One login each. */
  readonly logins: number;
}

/** Writes a log for --replay: executions first, then connects, then logins. */
export const recordEvents = (path: string, { execs, connects, logins }: RecordedEvents): void => {
  const text: string[] = [];
  let index = 0;
  const add = (count: number, records: typeof execRecords): void => {
    for (const end = index + count; index < end; index++) {
      for (const { type, payload } of records(index, FIRST_SECOND + Math.floor(index / PER_SECOND))) {
        text.push(`${type} ${payload}\n`);
      }
    }
  };
  add(execs, execRecords);
  add(connects, connectRecords);
  add(logins, loginRecords);
  writeFileSync(path, text.join(''));
};

const loginRecords: typeof execRecords = (index, second) => [
  {
    type: 1112,
    payload: `audit(${second}.000:${index + 1}): pid=${1000 + (index % 30_000)} uid=0 auid=1000 ses=3 msg='op=login acct="root" exe="/usr/bin/login" hostname=host addr=10.0.0.1 terminal=tty1 res=success'`,
  },
];
