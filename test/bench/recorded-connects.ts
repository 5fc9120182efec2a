import { RecordedLog } from './recorded-log.ts';
import { connectRecords } from './records.ts';

/** A log of connects. */
export class RecordedConnects extends RecordedLog {
  /** @param perSecond how many share one second */
  constructor(count: number, perSecond: number) {
    super(count, perSecond, connectRecords);
  }
}
