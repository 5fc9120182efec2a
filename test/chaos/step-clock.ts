import { readFileSync } from 'node:fs';
import { AuditStream, type OnDatagram } from '../../src/audit/stream.ts';

/*
 * Loaded before a program (`node --import`): its wall clock, in all threads, and that of the records that the kernel sends it,
 * run ahead of the real one by the seconds that stand in the file CHAOS_CLOCK.
 */
const file = process.env.CHAOS_CLOCK!;
const RealDate = Date;
const ahead = (): number => Number(readFileSync(file, 'utf8'));
const now = (): number => RealDate.now() + ahead() * 1000;

globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  construct: (target, parameters) =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters),
});

/** `audit(SECONDS.MILLISECONDS:SERIAL): ` */
const PREFIX = 'audit(';
const SECONDS_DIGITS = 10;
/** All records of an event have its time. */
let event = '';
let eventAhead = 0;

const stepped =
  (onDatagram: OnDatagram): OnDatagram =>
  (type, bytes, start, end) => {
    if (bytes.toString('latin1', start, start + PREFIX.length) === PREFIX) {
      const from = start + PREFIX.length;
      const id = bytes.toString('latin1', from, bytes.indexOf(')', from));
      if (id !== event) [event, eventAhead] = [id, ahead()];
      bytes.write(String(Number(id.slice(0, SECONDS_DIGITS)) + eventAhead), from, 'latin1');
    }
    onDatagram(type, bytes, start, end);
  };

const { receive } = AuditStream.prototype;
AuditStream.prototype.receive = function (onDatagram) {
  return receive.call(this, stepped(onDatagram));
};
