import type { CheckResult } from '../check-result.ts';
import type { AuditFacts } from '../facts.ts';
import type { DoctorOptions, Readers } from '../run-doctor.ts';
import { runDoctor } from '../run-doctor.ts';
import type { SelfTestResult } from '../self-test/self-test-result.ts';
import { type Change, changesIn } from './changes.ts';
import { figuresOf, type Look, lossesSince } from './figures.ts';
import type { Round } from './print-watch.ts';
import type { RunningFacts } from './read-running.ts';

export interface WatchOptions extends DoctorOptions {
  readonly readRunning: (socketPath: string) => Promise<RunningFacts | undefined>;
  readonly signal: AbortSignal;
  /** Waits for the next round. */
  readonly pause: () => Promise<void>;
  /** The results of the first round, as a doctor that does not watch has them. */
  readonly onFirst: (results: readonly CheckResult[]) => Promise<void>;
  readonly onRound: (round: Round) => Promise<void>;
}

/**
 * Runs the checks again and again, and tells what has changed; resolves with the results of the last round. The
 * self-test, which runs a program and may switch audit on, is made at the beginning and after each change only.
 */
export const watchDoctor = async (options: WatchOptions): Promise<readonly CheckResult[]> => {
  const seen = new SeenReaders(options.readers);
  const check = (): Promise<readonly CheckResult[]> => runDoctor({ ...options, readers: seen.readers });
  let results = await check();
  await options.onFirst(results);
  let before: Look | undefined;
  while (!options.signal.aborted) {
    let changes: readonly Change[] = [];
    if (before !== undefined) {
      let now = await check();
      if (changesIn(results, now).length > 0) {
        seen.forgetSelfTest();
        now = await check();
      }
      // What was interrupted says nothing about the host.
      if (options.signal.aborted) break;
      changes = changesIn(results, now);
      results = now;
    }
    const look: Look = {
      at: performance.now() / 1000,
      running: seen.socketPath === undefined ? undefined : await options.readRunning(seen.socketPath),
      audit: seen.audit,
    };
    await options.onRound({
      time: new Date().toISOString(),
      changes,
      losses: lossesSince(look.running, before?.running),
      figures: figuresOf(look, before),
    });
    before = look;
    await options.pause();
  }
  return results;
};

/** Readers that keep what was read last. */
class SeenReaders {
  readonly readers: Readers;
  /** Of a running osquery. */
  socketPath: string | undefined;
  audit: AuditFacts = { kind: 'unreadable', why: 'it was not read yet' };
  #selfTest: SelfTestResult | undefined;

  constructor(readers: Readers) {
    this.readers = {
      ...readers,
      core: async socket => {
        const core = await readers.core(socket);
        this.socketPath = core.kind === 'running' ? core.path : undefined;
        return core;
      },
      audit: async () => {
        this.audit = await readers.audit();
        return this.audit;
      },
      selfTest: async plan => {
        this.#selfTest ??= await readers.selfTest(plan);
        return this.#selfTest;
      },
    };
  }

  forgetSelfTest(): void {
    this.#selfTest = undefined;
  }
}
