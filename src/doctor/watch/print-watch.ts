import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import type { Style } from '../../runtime/terminal/style.ts';
import type { Change } from './changes.ts';
import type { Figures, NewLoss } from './figures.ts';

/** What one round has to say. */
export interface Round {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly changes: readonly Change[];
  readonly losses: readonly NewLoss[];
  readonly figures: Figures;
}

const HEAD = 'TIME       SOURCE      RECORDS/S  EVENTS/S        QUEUE      ROWS      LOST';

/** Lines after which the names of the columns come again. */
const LINES_PER_HEAD = 20;

/** One line of figures for each round, as vmstat(8) has them, and above it what has changed or was lost. */
export class WatchPrinter {
  readonly #style: Style;
  #lines = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  round({ time, changes, losses, figures }: Round): string {
    const clock = time.slice(11, 19);
    const lines = [
      ...changes.flatMap(change => this.#change(clock, change)),
      ...losses.map(({ lost, counter, cause, raise }) =>
        this.#style.bad(
          escapeForTerminal(
            `${clock}  lost ${lost} ${cause} (${counter}${raise === '' ? '' : `: raise ${raise}`})`,
          ),
        ),
      ),
    ];
    if (this.#lines % LINES_PER_HEAD === 0) lines.push(this.#style.name(HEAD));
    this.#lines += 1;
    return `${[...lines, figuresLine(clock, figures)].join('\n')}\n`;
  }

  #change(clock: string, { result, was }: Change): readonly string[] {
    const { check, status, found, fix } = result;
    const paint =
      status === 'problem' ? this.#style.bad : status === 'ok' ? this.#style.good : this.#style.name;
    const before = was === undefined || was === status ? '' : ` (was ${was})`;
    return [
      paint(escapeForTerminal(`${clock}  ${status}${before}: ${check}: ${found}`)),
      ...(fix === null ? [] : [escapeForTerminal(`          fix: ${fix}`)]),
    ];
  }
}

const figuresLine = (clock: string, figures: Figures): string => {
  const { source, recordsPerSecond, eventsPerSecond, queue, queueLimit, rows, lost } = figures;
  const number = (value: number | undefined, width: number): string =>
    (value === undefined ? '-' : Math.round(value).toString()).padStart(width);
  return [
    clock.padEnd(9),
    escapeForTerminal(source).padEnd(10),
    number(recordsPerSecond, 10),
    number(eventsPerSecond, 8),
    (queue === undefined ? '-' : `${queue}/${queueLimit ?? '-'}`).padStart(11),
    number(rows, 8),
    number(lost, 8),
  ].join('  ');
};

/** One line of JSON. */
export const roundJson = ({ time, changes, losses, figures }: Round): string =>
  `${JSON.stringify({ time, changes: changes.map(({ result, was }) => ({ ...result, was: was ?? null })), losses, figures })}\n`;
