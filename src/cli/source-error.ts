/** There is nothing to take events from. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code = 'no-source';
}
