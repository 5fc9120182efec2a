import { setTimeout as sleep } from 'node:timers/promises';
import { AuditdUnderTest, findAuditd } from './auditd.ts';
import type { PeerFigure } from './figure.ts';
import { Load } from './load.ts';

const SETTLE_MS = 1_500;

export interface PeerConnects {
  readonly rows: PeerFigure;
  /** Microseconds of CPU per connect. */
  readonly cpu: PeerFigure;
}

/** auditd on the same load; undefined where it is not installed. */
export const auditdConnects = async (count: number, perSecond: number): Promise<PeerConnects | undefined> => {
  const path = findAuditd();
  if (path === undefined) return undefined;
  await using auditd = await AuditdUnderTest.start(path);
  await using load = await Load.prepare('connects', count, perSecond);
  const before = auditd.cpuSeconds;
  await load.run();
  await sleep(SETTLE_MS);
  const cpu = ((auditd.cpuSeconds - before) / count) * 1e6;
  const rows = await auditd.end(load.pid);
  return {
    rows: { peer: 'auditd', text: rows.toLocaleString('en-US'), source: 'measured' },
    cpu: { peer: 'auditd', text: cpu.toFixed(1), source: 'measured' },
  };
};

/** What was measured of a peer instead of what is known of it. */
export const withMeasured = (
  known: readonly PeerFigure[],
  measured: PeerFigure | undefined,
): readonly PeerFigure[] =>
  measured === undefined ? known : [...known.filter(({ peer }) => peer !== measured.peer), measured];
