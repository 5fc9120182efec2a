import { columnsOf, styleOf } from '../runtime/terminal/style.ts';
import type { PrintSettings } from '../shell/output/print-settings.ts';
import type { OutputMode } from './command-flags.ts';

/** How rows are printed on standard output. */
export const stdoutSettings = (mode: OutputMode): PrintSettings => ({
  mode: mode === 'table' ? 'pretty' : mode,
  nullValue: '',
  // osquery's shell separates with the bar, for CSV too.
  separator: '|',
  headers: true,
  terminal: process.stdout.isTTY === true,
  width: columnsOf(process.stdout),
  style: styleOf(process.stdout),
});
