import { readFileSync } from 'node:fs';

/*
 * Loaded before a program (`node --import`): its wall clock, in all threads, runs ahead of the real one by the seconds
 * that stand in the file CHAOS_CLOCK.
 */
const file = process.env.CHAOS_CLOCK!;
const RealDate = Date;
const now = (): number => RealDate.now() + Number(readFileSync(file, 'utf8')) * 1000;

globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  construct: (target, parameters) =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters),
});
