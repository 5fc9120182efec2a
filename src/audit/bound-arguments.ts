import type { ProcessEvent } from './audit-event.ts';

/** Marks where a command line was cut: after the last argument that is kept, which may be incomplete. */
export const CUT_MARK = '…[cut]';

/** Most bytes of a row besides its command line and paths. */
const OTHER_BYTES = 8 * 1024;

const MOST_BYTES_PER_UNIT = 3;

/** Bytes that an argument takes in a row: its own, the space behind it, and its length in decimal with a comma. */
const costOf = (bytes: number): number => bytes + 2 + String(bytes).length;

/** Reserved for the mark, and for what its argument takes besides its bytes: a length has at most seven digits. */
const RESERVED_BYTES = Buffer.byteLength(CUT_MARK) + 2 + 7;

/**
 * Cuts an event's arguments so that its row has at most `rowBytes`; a user chooses how many there are.
 *
 * @returns the event itself if they fit
 */
export const boundArguments = (event: ProcessEvent, rowBytes: number): ProcessEvent => {
  const { argv } = event;
  if (argv === undefined) return event;
  const paths = lengthOf(event.path) + lengthOf(event.exe) + lengthOf(event.cwd);
  const room = rowBytes - OTHER_BYTES - MOST_BYTES_PER_UNIT * paths;
  let most = 0;
  for (const { length } of argv) most += costOf(MOST_BYTES_PER_UNIT * length);
  return most <= room ? event : cutArguments(event, argv, room);
};

const lengthOf = (text: string | undefined): number => text?.length ?? 0;

const cutArguments = (event: ProcessEvent, argv: readonly string[], room: number): ProcessEvent => {
  const kept: string[] = [];
  let left = room - RESERVED_BYTES;
  let bytes = argv.length - 1;
  let isCut = false;
  for (const argument of argv) {
    const length = Buffer.byteLength(argument);
    bytes += length;
    if (isCut) continue;
    const cost = costOf(length);
    if (cost <= left) {
      kept.push(argument);
      left -= cost;
    } else {
      isCut = true;
      kept.push(firstBytes(argument, left) + CUT_MARK);
    }
  }
  return isCut ? { ...event, argv: kept, commandLineBytes: event.commandLineBytes ?? bytes } : event;
};

/** The longest beginning of a text that fits into so many bytes of UTF-8, in whole characters. */
const firstBytes = (text: string, bytes: number): string => {
  if (bytes <= 0) return '';
  const target = Buffer.allocUnsafe(bytes);
  return target.toString('utf8', 0, target.write(text, 'utf8'));
};
