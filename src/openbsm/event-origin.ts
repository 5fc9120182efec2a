import type { ProcessEvent } from '../audit/audit-event.ts';
import type { BsmRecord } from './record.ts';
import { headerMilliseconds, headerSeconds } from './record-facts.ts';

/** The time and number of a record, which every kind of event has. */
export type EventOrigin = Pick<ProcessEvent, 'seconds' | 'milliseconds' | 'serial'>;

/**
 * @param serial the record's number within its trail
 * @returns undefined for a time that is out of range
 */
export const eventOrigin = ({ header }: BsmRecord, serial: number): EventOrigin | undefined => {
  const seconds = headerSeconds(header);
  return seconds === undefined ? undefined : { seconds, milliseconds: headerMilliseconds(header), serial };
};
