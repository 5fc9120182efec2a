import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { openSocketEnds } from '../../../src/model/sockets/open-socket-ends.ts';

/** What is found of events that are of now. */
export const lookUp = async (...events: SocketEvent[]) => {
  const ends = openSocketEnds();
  try {
    for (const [eid, event] of events.entries()) ends.see(event, eid);
    const found = [];
    for (let i = 0; i < 200 && (i === 0 || ends.isWaiting); i++) {
      ends.look();
      found.push(...ends.take());
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    return { found, counters: ends.counters };
  } finally {
    ends.close();
  }
};
/** Of an event of this process, now. */
export const now = (): Pick<SocketEvent, 'pid' | 'seconds' | 'milliseconds'> => ({
  pid: process.pid,
  seconds: Math.floor(Date.now() / 1000),
  milliseconds: Date.now() % 1000,
});
