import { setTimeout as sleep } from 'node:timers/promises';
import type { ExtensionUnderTest } from './extension-under-test.ts';
import { Load, type LoadKind } from './load.ts';

const IDLE_S = 3;
/** Milliseconds for the last events to become rows. */
const SETTLE_MS = 300;

export interface EventCost {
  /** Microseconds of user and system time of the whole process per event, without what it uses when idle. */
  readonly microseconds: number;
  /** What it uses when idle, in milliseconds of CPU per second. */
  readonly idle: number;
  /** Process that made the events. */
  readonly pid: number;
}

export interface EventLoad {
  readonly kind: LoadKind;
  readonly perSecond: number;
  readonly count: number;
  /** Events before: a process that runs for weeks has its code compiled. */
  readonly warmUp: number;
  /** `perSecond` unless said. */
  readonly warmUpPerSecond?: number;
  /** More of the load's arguments. */
  readonly args?: readonly string[];
}

export const measureEventCost = async (
  extension: ExtensionUnderTest,
  { kind, perSecond, count, warmUp, warmUpPerSecond = perSecond, args = [] }: EventLoad,
): Promise<EventCost> => {
  {
    await using before = await Load.prepare(kind, warmUp, warmUpPerSecond, ...args);
    await before.run();
    await sleep(SETTLE_MS);
  }
  await using load = await Load.prepare(kind, count, perSecond, ...args);
  await sleep(SETTLE_MS);
  const idle = await extension.idleCpu(IDLE_S);
  const started = performance.now();
  const before = extension.cpuSeconds;
  await load.run();
  await sleep(SETTLE_MS);
  const cpu = extension.cpuSeconds - before;
  const seconds = (performance.now() - started) / 1000;
  return { microseconds: ((cpu - idle * seconds) / count) * 1e6, idle: idle * 1000, pid: load.pid };
};
