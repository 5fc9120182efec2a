import { messageOf, OsqueryError, shown } from './errors.ts';

/** JSON text, or an object to be converted to it. */
export type JsonDocument = string | object;

/** @throws OsqueryError OSQUERY_INVALID for what is not, or cannot become, JSON: core's own message would say less */
export function jsonText(what: string, document: unknown): string {
  if (typeof document === 'string') {
    try {
      JSON.parse(document);
    } catch (cause) {
      throw new OsqueryError('OSQUERY_INVALID', `${what}: not JSON: ${messageOf(cause)}`, { cause });
    }
    return document;
  }
  if (typeof document === 'object' && document !== null) return JSON.stringify(document);
  throw new OsqueryError(
    'OSQUERY_INVALID',
    `${what}: expected JSON text or an object, got ${shown(document)}`,
  );
}
