/** A picture of rates as text. */
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import { cut } from '../output/line-table.ts';
import type { PrintSettings } from '../output/print-settings.ts';
import { padEnd, textWidth } from '../output/text-width.ts';
import type { Picture, Rate } from './event-rates.ts';

export interface DrawTopSettings extends Pick<PrintSettings, 'width' | 'style'> {
  /** Programs at most. */
  readonly rows: number;
  /** ISO 8601. */
  readonly at: string;
  /** Whether events are counted and not related to time, as those of a log that may tell of a year. */
  readonly areTotals?: boolean;
}

/** Users shown at most. */
const MAX_USERS = 5;
/** Widest column of names, on a terminal. */
const MAX_NAME = 24;

export const drawTop = (picture: Picture, settings: DrawTopSettings): string => {
  const { width, style, rows, at, areTotals = false } = settings;
  const fit = (line: string): string => (width === undefined ? line : cut(line, width));
  const { unseen, programs, users } = picture;
  const lines = [
    fit(`${at}  ${areTotals ? totals(picture) : rates(picture)}`),
    ...(unseen > 0
      ? [style.bad(fit(`${unseen} events left the buffer before they were counted here: raise --events_max`))]
      : []),
    '',
    ...table(
      ['WHAT', 'USER', 'PROGRAM', 'STARTED BY'],
      programs.slice(0, rows).map(each => ({
        ...each,
        cells: [each.kind, each.user, each.program || '(unknown)', each.startedBy],
      })),
      settings,
    ),
    '',
    ...table(
      ['USER'],
      users.slice(0, MAX_USERS).map(each => ({ ...each, cells: [each.user] })),
      settings,
    ),
  ];
  return `${lines.join('\n')}\n`;
};

const rates = ({ eventsPerSecond, bytesPerSecond, cpu, seconds }: Picture): string =>
  `${rate(eventsPerSecond)} events/s, ${bytesText(bytesPerSecond)}/s of log, ${cpu === undefined ? 'CPU of the extension unknown' : `extension ${cpu.toFixed(1)} % of a CPU`}, in ${seconds.toFixed(1)} s`;

const totals = ({ events, bytes, seconds }: Picture): string =>
  `${events} events, ${bytesText(bytes)} of log, in ${seconds.toFixed(0)} s`;

const RATES_HEAD = ' EVENTS/S  SHARE    CPU     LOG/S';
const TOTALS_HEAD = '   EVENTS  SHARE    CPU       LOG';

const table = (
  names: readonly string[],
  rows: readonly (Rate & { readonly cells: readonly string[] })[],
  { width, style, areTotals = false }: DrawTopSettings,
): string[] => {
  const escaped = rows.map(({ cells }) => cells.map(escapeForTerminal));
  const widths = names.map((name, index) =>
    Math.max(textWidth(name), ...escaped.map(cells => textWidth(cells[index]!))),
  );
  const line = (head: string, cells: readonly string[]): string => {
    const parts = cells.map((cell, index) => {
      if (index === cells.length - 1) return cell;
      // Programs are the long ones, and the end of a path is what tells them apart.
      const most =
        width === undefined ? widths[index]! : Math.min(widths[index]!, index === 2 ? 40 : MAX_NAME);
      return padEnd(width === undefined ? cell : cutFront(cell, most), most);
    });
    const text = `${head}  ${parts.join('  ')}`.trimEnd();
    return width === undefined ? text : cut(text, width);
  };
  return [
    style.name(line(areTotals ? TOTALS_HEAD : RATES_HEAD, names)),
    ...rows.map(({ events, bytes, eventsPerSecond, share, cpu, bytesPerSecond }, index) =>
      line(
        [
          (areTotals ? String(events) : rate(eventsPerSecond)).padStart(9),
          `${(100 * share).toFixed(0)} %`.padStart(6),
          (cpu === undefined ? '-' : `${cpu.toFixed(1)} %`).padStart(6),
          bytesText(areTotals ? bytes : bytesPerSecond).padStart(9),
        ].join(' '),
        escaped[index]!,
      ),
    ),
  ];
};

/** The end of a text, with a mark for what is missing. */
const cutFront = (text: string, width: number): string =>
  textWidth(text) <= width ? text : `…${[...text].slice(-(width - 1)).join('')}`;

const rate = (perSecond: number): string => {
  if (perSecond >= 10) return perSecond.toFixed(0);
  return perSecond >= 0.1 || perSecond === 0 ? perSecond.toFixed(1) : perSecond.toPrecision(2);
};

const bytesText = (bytes: number): string => {
  if (bytes < 1_000) return `${bytes.toFixed(0)} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
};
