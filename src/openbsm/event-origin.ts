import type { ProcessEvent } from '../audit/audit-event.ts';
import type { BsmRecord } from './record.ts';
import { headerMilliseconds, headerSeconds } from './record-facts.ts';

/** When, and which record: the same for events of every kind. */
export type EventOrigin = Pick<ProcessEvent, 'seconds' | 'milliseconds' | 'serial'>;

/**
 * @param serial the record's number within its trail
 * @returns undefined for a time no clock can show
 */
export const eventOrigin = ({ header }: BsmRecord, serial: number): EventOrigin | undefined => {
  const seconds = headerSeconds(header);
  return seconds === undefined ? undefined : { seconds, milliseconds: headerMilliseconds(header), serial };
};
