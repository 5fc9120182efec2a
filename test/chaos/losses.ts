import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginRow } from 'osquery-extension-ts';
import type { SupervisedExtension } from '../live/supervised-extension.ts';

/** Milliseconds between two looks; counters are told once a second. */
const LOOK_MS = 1_200;

const QUIET_RECORDS = 100;

const COUNTERS = [
  'kernel_lost',
  'multicast_dropped',
  'serial_gaps',
  'unusable_events',
  'incomplete_events',
  'malformed_records',
  'process_events_evicted_unread',
  'socket_events_evicted_unread',
  'process_events_expired_unread',
  'socket_events_expired_unread',
] as const;

/** What audit_status counts as lost, between two moments. One event may be in it more than once, none may be missing. */
export class Losses {
  readonly #extension: SupervisedExtension;
  readonly #before: PluginRow;

  private constructor(extension: SupervisedExtension, before: PluginRow) {
    this.#extension = extension;
    this.#before = before;
  }

  static async from(extension: SupervisedExtension): Promise<Losses> {
    return new Losses(extension, await extension.status());
  }

  /** Resolves when hardly any more records come in: asking makes some, too. */
  async settled(): Promise<number> {
    for (let records = 0; ; ) {
      await sleep(LOOK_MS);
      const status = await this.#extension.status();
      const now = Number(status.records);
      if (now - records < QUIET_RECORDS)
        return COUNTERS.reduce((sum, name) => sum + Number(status[name]) - Number(this.#before[name]), 0);
      records = now;
    }
  }
}
