import type { userEvents } from '../user_events.ts';
import type { FactsOf } from './column-facts.ts';
import { eventFacts } from './common.ts';

const UNSAID = 'the program did not say';

export const userEventsFacts: FactsOf<(typeof userEvents)['spec']['columns']> = {
  uid: { is: 'User of the program that reports.', from: 'the record: uid, which the kernel writes' },
  auid: { is: 'Its login user; 4294967295: nobody logged in.', from: 'the record: auid' },
  pid: { is: 'Its process.', from: 'the record: pid' },
  message: { is: 'All that the program said.', from: "the record: msg='…'" },
  type: {
    is: 'Number of the record type: 1100 USER_AUTH, 1105 USER_START, 1106 USER_END, 1112 USER_LOGIN, 1123 USER_CMD …',
    from: 'the header of the record',
  },
  path: { is: 'The program as it names itself.', from: 'msg: exe', nullIf: UNSAID },
  address: { is: 'Address of the other host.', from: 'msg: addr', nullIf: UNSAID, example: '192.0.2.1' },
  terminal: {
    is: 'Terminal, or a word such as `ssh` or `cron`.',
    from: 'msg: terminal',
    nullIf: UNSAID,
    example: 'pts/0',
  },
  time: eventFacts.time,
  uptime: eventFacts.uptime,
  eid: eventFacts.eid,
  acct: { is: 'Account that it is about.', from: 'msg: acct', nullIf: UNSAID },
  hostname: { is: 'Name of the other host.', from: 'msg: hostname', nullIf: UNSAID, example: 'h.example' },
  res: { is: '`success` or `failed`.', from: 'msg: res', nullIf: UNSAID },
  op: { is: 'What was tried: `PAM:authentication`, `PAM:session_open` …', from: 'msg: op', nullIf: UNSAID },
  command: {
    is: 'Command given to sudo.',
    from: 'msg: cmd, decoded',
    nullIf: 'the type is not USER_CMD',
    example: 'apt update',
  },
  node: eventFacts.node,
};
