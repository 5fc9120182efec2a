import { processEvents } from '../../tables/process_events.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import { processOptions, socketOptions } from './audit-options.ts';
import { ExtensionUnderTest } from './extension-under-test.ts';
import { median } from './figure.ts';
import type { Program } from './program.ts';
import type { RecordedConnects } from './recorded-connects.ts';
import type { RecordedLog } from './recorded-log.ts';
import type { SelectOptions } from './select-request.ts';

/** Before: a process that runs for weeks has its code compiled. */
const WARM_UP = 40;
const ROUNDS = 25;

/** The extension with its socket_events filled from a log. */
export const startReplayed = async (
  program: Program,
  log: RecordedConnects,
  count: number,
): Promise<ExtensionUnderTest> => {
  const extension = await ExtensionUnderTest.start(program, socketOptions, ['--replay', log.path]);
  const rows = await extension.count(socketEvents.spec);
  if (rows === count) return extension;
  await extension[Symbol.asyncDispose]();
  throw new Error(`expected ${count} rows from the log, got ${rows}`);
};

/** The extension with its process_events filled from a log. */
export const startReplayedExecs = async (
  program: Program,
  log: RecordedLog,
  count: number,
): Promise<ExtensionUnderTest> => {
  const extension = await ExtensionUnderTest.start(program, processOptions, ['--replay', log.path]);
  const rows = await extension.count(processEvents.spec);
  if (rows === count) return extension;
  await extension[Symbol.asyncDispose]();
  throw new Error(`expected ${count} rows from the log, got ${rows}`);
};

/** Median milliseconds from request to last byte, and the reply's size. */
export const medianSelect = async (
  extension: ExtensionUnderTest,
  options: SelectOptions,
): Promise<{ readonly milliseconds: number; readonly bytes: number }> => {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const reply = await extension.timeSelect(socketEvents.spec, options);
    if (i >= WARM_UP) times.push(reply.milliseconds);
    bytes = reply.bytes;
  }
  return { milliseconds: median(times), bytes };
};
