import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer, PeerFigure } from '../figure.ts';
import { Load } from '../load.ts';
import { AuditdUnderTest } from './auditd.ts';
import { OsquerydOnAudit } from './osqueryd.ts';
import { findProgram, type PeerLoad, type PeerProgram } from './peer-program.ts';

const SETTLE_MS = 1_500;

const starts: Readonly<Record<Peer, (path: string, load: PeerLoad) => Promise<PeerProgram>>> = {
  osqueryd: (path, load) => OsquerydOnAudit.start(path, load),
  auditd: (path, load) => AuditdUnderTest.start(path, load),
};

export interface MeasuredPeers {
  /** Events that each recorded of the load. */
  readonly rows: readonly PeerFigure[];
  /** Microseconds of CPU per event. */
  readonly cpu: readonly PeerFigure[];
}

/** The peers that are installed, one after the other, on a load; nothing where none is. */
export const measurePeers = async (
  kind: PeerLoad,
  count: number,
  perSecond: number,
): Promise<MeasuredPeers> => {
  const rows: PeerFigure[] = [];
  const cpu: PeerFigure[] = [];
  for (const peer of Object.keys(starts) as Peer[]) {
    const path = findProgram(peer);
    if (path === undefined) continue;
    await using program = await starts[peer](path, kind);
    await using load = await Load.prepare(kind, count, perSecond);
    const before = program.cpuSeconds;
    await load.run();
    await sleep(SETTLE_MS);
    const each = ((program.cpuSeconds - before) / count) * 1e6;
    const recorded = await program.end(load.pid);
    rows.push({ peer, text: recorded.toLocaleString('en-US'), source: 'measured' });
    cpu.push({ peer, text: each.toFixed(1), source: 'measured' });
  }
  return { rows, cpu };
};

/** What was measured of a peer instead of what is known of it. */
export const withMeasured = (
  known: readonly PeerFigure[],
  measured: readonly PeerFigure[],
): readonly PeerFigure[] => [
  ...known.filter(({ peer }) => measured.every(({ peer: other }) => other !== peer)),
  ...measured,
];
