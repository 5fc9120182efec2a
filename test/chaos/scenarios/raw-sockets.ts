import { execFileSync } from 'node:child_process';
import { socketOptions } from '../../bench/audit-options.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';

/** A connect and a bind of each: raw sockets of both families, ping's, and packet sockets, by which whole frames are sent. */
const PROGRAM = `
import socket as s
for family, kind, protocol, address in (
  (s.AF_INET, s.SOCK_RAW, 1, ("127.0.0.1", 0)),
  (s.AF_INET, s.SOCK_RAW, 255, ("127.0.0.1", 0)),
  (s.AF_INET6, s.SOCK_RAW, 58, ("::1", 0)),
  (s.AF_PACKET, s.SOCK_RAW, 0, ("lo", 0)),
  (s.AF_PACKET, s.SOCK_DGRAM, 0, ("lo", 0)),
):
  with s.socket(family, kind, protocol) as one:
    one.bind(address)
  if family != s.AF_PACKET:
    with s.socket(family, kind, protocol) as one:
      one.connect(address)
`;
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
    execFileSync('python3', ['-c', PROGRAM]);
    await extension.settled();
    const rows = (await extension.core.generate('socket_events')).filter(({ path }) =>
      path?.includes('python'),
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
