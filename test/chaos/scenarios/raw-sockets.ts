import { execFileSync } from 'node:child_process';
import { socketOptions } from '../../bench/audit-options.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';

/** A connect and a bind of each: raw sockets of both families; and binds of packet sockets (to the first interface), by which whole frames are sent. */
const PROGRAM = `
  use Socket qw(:all);
  my $here = pack_sockaddr_in(0, INADDR_LOOPBACK);
  for ([AF_INET, 1, $here], [AF_INET, 255, $here], [AF_INET6, 58, pack_sockaddr_in6(0, IN6ADDR_LOOPBACK)]) {
    my ($family, $protocol, $address) = @$_;
    socket(my $bound, $family, SOCK_RAW, $protocol) or die "socket: $!";
    bind($bound, $address) or die "bind: $!";
    socket(my $connected, $family, SOCK_RAW, $protocol) or die "socket: $!";
    connect($connected, $address) or die "connect: $!";
  }
  for my $kind (SOCK_RAW, SOCK_DGRAM) {
    socket(my $packet, 17, $kind, 0) or die "socket: $!"; # AF_PACKET
    bind($packet, pack("S n l S C C a8", 17, 0, 1, 0, 0, 0, "")) or die "bind: $!"; # struct sockaddr_ll
  }`;
/** Binds and connects of the raw sockets. */
const EXPECTED = 6;

export const rawSockets: Scenario = {
  name: 'raw-sockets',
  title: 'bind and connect of raw sockets of IPv4 and IPv6, and bind of packet sockets',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await SupervisedExtension.start(
      { ...socketOptions, audit_allow_process_events: 'true', custom_audit_state_dir: 'none' },
      program,
    );
    // It is there before it reads.
    await extension.settled();
    execFileSync('perl', ['-e', PROGRAM]);
    await extension.settled();
    const rows = (await extension.core.generate('socket_events')).filter(({ path }) =>
      path?.includes('perl'),
    );
    const status = await extension.status();
    const ofFamily = (...families: readonly string[]): number =>
      rows.filter(({ family }) => families.includes(family!)).length;
    return [
      { name: 'rows of raw sockets', value: ofFamily('2', '10'), unit: 'rows', goal: { atLeast: EXPECTED } },
      { name: 'rows of packet sockets', value: ofFamily('17'), unit: 'rows' },
      { name: 'malformed records', value: Number(status.malformed_records), unit: '', goal: { atMost: 0 } },
    ];
  },
};
