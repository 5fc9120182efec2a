/**
 * How core's own logger plugins handle a request: an extension may send results, snapshots, or status lines.
 *
 * Source: osquery 5.23 `core/plugins/logger.cpp`.
 */
import type { PluginRow } from 'osquery-extension-ts';
import type { ResultLog } from './result-log.ts';
import type { StatusLine, StatusLog } from './status-log.ts';

/** Longest list of status lines in one request. */
const MAX_STATUS_LINES = 10_000;

/**
 * Serves one request.
 *
 * @throws Error with core's message for a request that no logger knows
 */
export const callLogger = async (
  logs: { readonly results: ResultLog; readonly status: StatusLog },
  request: PluginRow,
): Promise<readonly PluginRow[]> => {
  if (request.string !== undefined) await logs.results.write('event', [request.string]);
  else if (request.snapshot !== undefined) await logs.results.write('snapshot', [request.snapshot]);
  else if (request.status !== undefined) logs.status.write(parseStatusLines(request.log));
  else throw new Error('Unsupported call to logger plugin');
  return [];
};

/**
 * Status lines as core and its extensions send them: `[{"s":1,"f":"file","i":12,"m":"message",…}]`. Other elements
 * are ignored.
 */
export const parseStatusLines = (json: string | undefined): StatusLine[] => {
  let list: unknown;
  try {
    list = JSON.parse(json ?? '');
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  const lines: StatusLine[] = [];
  for (const item of list.slice(0, MAX_STATUS_LINES)) {
    if (typeof item !== 'object' || item === null) continue;
    const { s, f, i, m } = item as Readonly<Record<string, unknown>>;
    if (typeof m !== 'string') continue;
    lines.push({
      severity: typeof s === 'number' ? s : 0,
      file: typeof f === 'string' ? f : '',
      line: typeof i === 'number' ? i : 0,
      message: m,
    });
  }
  return lines;
};
