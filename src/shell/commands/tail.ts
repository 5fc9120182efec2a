/** `.tail process_events WHERE …`: rows as they come. */
import { type CommandSession, type DotCommand, type InputOutcome, wrong } from '../command-session.ts';
import { tail } from '../events/tail.ts';
import { tailColumns, tailPrinter } from '../events/tail-printer.ts';
import { parseTail, type TailRequest } from '../events/tail-request.ts';
import { coreSource } from '../sql-source.ts';

/** Rows that are shown at first, as tail(1) does. */
const LAST = 10;

const follow = (session: CommandSession, request: TailRequest): Promise<InputOutcome> =>
  session.interruptible(async signal => {
    const actual = { ...request, table: tableOf(session, request.table) };
    const source = coreSource(session.core);
    const settings = session.printSettings();
    const columns = await tailColumns(source, actual, settings);
    const print = tailPrinter(columns, settings, session.settings.times);
    // Ctrl-C is how it ends, also in the middle of a query.
    await tail({
      source,
      request: actual,
      columns,
      last: LAST,
      signal,
      onRows: rows => session.write(print(rows)),
    }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return 'interrupted';
  });

/** An alias is a view without hidden columns, and `eid` is hidden. */
const tableOf = ({ core }: CommandSession, name: string): string =>
  core.tables().find(({ views }) => views.some(view => view.toLowerCase() === name.toLowerCase()))?.name ??
  name;

export const tailCommand: DotCommand = {
  name: 'tail',
  argument: 'table',
  usage: 'TABLE [COLUMNS] [WHERE …]',
  help: 'Show the rows of an event table as they come, until Ctrl-C',
  run: async (session, argument) => {
    const request = parseTail(argument);
    if (request === undefined)
      return wrong(
        session,
        '.tail: expected a table, then perhaps columns and a WHERE, as in .tail process_events WHERE uid = 0',
      );
    const table = session.core.tables().find(({ name }) => name === tableOf(session, request.table));
    if (table !== undefined && !table.columns.some(({ name }) => name === 'eid'))
      return wrong(
        session,
        `.tail: ${request.table} holds no events: its rows do not come one after the other; .watch shows it again and again`,
      );
    return follow(session, request);
  },
};
