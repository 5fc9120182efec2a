import { OsqueryError, shown } from '../errors.ts';

const HOOKS = ['start', 'stop'];

/**
 * Checks a plugin's name and handlers, for authors without a compiler.
 *
 * @throws OsqueryError OSQUERY_INVALID
 */
export function checkPlugin(
  registry: string,
  name: unknown,
  handlers: unknown,
  { known, required }: { readonly known: readonly string[]; readonly required: readonly string[] },
): void {
  const fail = (what: string): never => {
    throw new OsqueryError('OSQUERY_INVALID', what);
  };
  if (typeof name !== 'string' || name === '') fail(`${registry}: expected a name, got ${shown(name)}`);
  const what = `${registry} ${String(name)}`;
  if (typeof handlers !== 'object' || handlers === null) {
    fail(`${what}: expected handlers { ${known.join(', ')} }, got ${shown(handlers)}`);
  }
  const given = handlers as Readonly<Record<string, unknown>>;
  for (const handler of [...known, ...HOOKS]) {
    const value = given[handler];
    if (typeof value === 'function' || (value === undefined && !required.includes(handler))) continue;
    fail(`${what}: handler ${handler}: expected a function, got ${shown(value)}`);
  }
  for (const handler of Object.keys(given)) {
    if (known.includes(handler) || HOOKS.includes(handler) || typeof given[handler] !== 'function') continue;
    fail(`${what}: handler ${handler} does not exist; expected any of ${[...known, ...HOOKS].join(', ')}`);
  }
}
