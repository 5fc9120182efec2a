import type { UserEvent } from '../audit/audit-event.ts';
import { isUnspecified } from './address.ts';
import type { EventOrigin } from './event-origin.ts';
import type { BsmRecord } from './record.ts';
import { findResult, findSubject, findToken } from './record-facts.ts';

/** A login, an authentication, a session change, or the start or stop of audit itself; failed ones too. */
export const mapUser = (record: BsmRecord, origin: EventOrigin, op: string, label: string): UserEvent => {
  const subject = findSubject(record);
  const result = findResult(record);
  return {
    kind: 'user',
    ...origin,
    type: record.header.event,
    pid: subject?.pid,
    uid: subject?.ruid,
    auid: subject?.auid,
    ses: subject?.sid,
    message: message(record, label),
    path: findToken(record.tokens, 'path')?.path,
    address: address(record),
    // The device number of the terminal. Its name is known only on the machine that wrote the trail.
    terminal: subject === undefined || Number(subject.port) === 0 ? undefined : String(subject.port),
    acct: undefined,
    hostname: undefined,
    op,
    res: result && (result.bsmErrno === 0 ? 'success' : 'failed'),
  };
};

/** The label, then the details: the record's texts or, if it has none, its arguments. */
const message = ({ tokens }: BsmRecord, label: string): string => {
  const texts = tokens.flatMap(token => (token.kind === 'text' ? [token.text] : []));
  const details =
    texts.length > 0
      ? texts
      : tokens.flatMap(token =>
          token.kind === 'arg32' || token.kind === 'arg64'
            ? [`${token.text}=0x${token.value.toString(16)}`]
            : [],
        );
  return details.length > 0 ? `${label}: ${details.join(', ')}` : label;
};

/** Where the session came from: the subject's terminal, or a separate address. */
const address = (record: BsmRecord): string | undefined => {
  const own = findToken(record.tokens, 'in_addr', 'in_addr_ex')?.address;
  const terminal = findSubject(record)?.address;
  return [terminal, own].find(candidate => candidate !== undefined && !isUnspecified(candidate));
};
