import type { socketEvents } from '../socket_events.ts';
import type { FactsOf } from './column-facts.ts';
import { containerFacts, eventFacts, ON_DEMAND, orNullIf, witnessFacts } from './common.ts';

const IO_URING = 'the call was made through io_uring';
const NO_ADDRESS = 'the family has no addresses, or the end could not be looked at in time';

export const socketEventsFacts: FactsOf<(typeof socketEvents)['spec']['columns']> = {
  action: {
    is: '`bind`, `connect`, `accept`, or `sendto` (a datagram sent to an address).',
    from: 'SYSCALL syscall',
  },
  pid: { is: 'The process.', from: 'SYSCALL pid' },
  path: {
    is: 'Its program.',
    from: 'SYSCALL exe',
    nullIf: 'a kernel thread did the work (io_uring); or the user has claimed another program',
  },
  fd: {
    is: 'Descriptor of the socket; of an accept the one that listens.',
    from: 'SYSCALL a0, in decimal',
    nullIf: IO_URING,
  },
  auid: {
    is: 'Login user; 4294967295: nobody logged in.',
    from: 'SYSCALL auid',
    nullIf: 'a kernel thread did the work (io_uring)',
  },
  family: {
    is: '2: IPv4, 10: IPv6, 1: UNIX.',
    from: 'SOCKADDR saddr; of an accept that did not ask, a look-up',
    nullIf: 'no address was recorded, nor found',
  },
  protocol: {
    is: '6: TCP, 17: UDP.',
    from: 'BPF, or a look-up of the socket',
    nullIf:
      'BPF told nothing, and the socket was gone before it was looked at; or it is neither TCP nor UDP; or `custom_audit_socket_lookup` is off',
    example: '6',
  },
  local_address: {
    is: 'Own address; of a bind the one that was asked for.',
    from: 'of a bind SOCKADDR, else a look-up of the socket',
    nullIf: NO_ADDRESS,
  },
  remote_address: {
    is: 'Address of the other end.',
    from: 'SOCKADDR saddr; of an accept that did not ask, a look-up',
    nullIf: `the row is of a bind; or ${NO_ADDRESS}`,
  },
  local_port: {
    is: 'Own port; 0: none, or not known.',
    from: 'of a bind SOCKADDR, else BPF, or a look-up of the socket',
  },
  remote_port: { is: 'Port of the other end; 0: none, or not known.', from: 'as `remote_address`' },
  socket: {
    is: 'Path of a UNIX socket; an abstract name starts with `@`.',
    from: 'SOCKADDR saddr',
    nullIf: 'the family is not UNIX',
  },
  time: eventFacts.time,
  uptime: eventFacts.uptime,
  eid: eventFacts.eid,
  success: { is: '0 if the call failed, else 1.', from: 'SYSCALL success and exit', nullIf: IO_URING },
  status: {
    is: '`succeeded`, `in_progress` (a connect that does not wait), `no_client` (an accept that found none), `failed`.',
    from: 'SYSCALL success and exit',
    nullIf: IO_URING,
  },
  exit: {
    is: 'What the system call returned; negative: an errno.',
    from: 'SYSCALL exit',
    nullIf: IO_URING,
  },
  ...witnessFacts,
  node: eventFacts.node,
  ...orNullIf(containerFacts, ON_DEMAND),
};
