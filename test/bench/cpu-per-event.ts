import { setTimeout as sleep } from 'node:timers/promises';
import type { ExtensionUnderTest } from './extension-under-test.ts';
import { median } from './figure.ts';
import { Load, type LoadKind } from './load.ts';

const IDLE_S = 3;
/** Milliseconds for the last events to become rows. */
const SETTLE_MS = 300;
/** What else runs on the host makes one round half as dear again as another: the median of so many is told. */
export const ROUNDS = 3;

export interface EventCost {
  /** Microseconds of user and system time of the process and those that look at files for it per event, without what it uses when idle. */
  readonly microseconds: number;
  /** What it uses when idle, in milliseconds of CPU per second. */
  readonly idle: number;
  /** Process that made the events, of the last round. */
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

/** The median of some rounds with the same process. */
export const measureEventCost = async (
  extension: ExtensionUnderTest,
  load: EventLoad,
  rounds = ROUNDS,
): Promise<EventCost> => {
  const { kind, perSecond, warmUp, warmUpPerSecond = perSecond, args = [] } = load;
  {
    await using before = await Load.prepare(kind, warmUp, warmUpPerSecond, ...args);
    await before.run();
    await sleep(SETTLE_MS);
  }
  const costs: EventCost[] = [];
  for (let i = 0; i < rounds; i++) costs.push(await measureRound(extension, load));
  return {
    microseconds: median(costs.map(({ microseconds }) => microseconds)),
    idle: median(costs.map(({ idle }) => idle)),
    pid: costs.at(-1)!.pid,
  };
};

const measureRound = async (
  extension: ExtensionUnderTest,
  { kind, perSecond, count, args = [] }: EventLoad,
): Promise<EventCost> => {
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
