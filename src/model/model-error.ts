import { CodedError } from '../runtime/coded-error.ts';

/**
 * - `duplicate-source`, `duplicate-field`, `missing-field`, `cycle`, `order`: the declarations of the data sources do
 *   not fit together
 * - `unknown-field`: a requested field that no source provides
 * - `too-many-sources`: more `later` sources than an event can wait for
 */
export type ModelErrorCode =
  | 'duplicate-source'
  | 'duplicate-field'
  | 'missing-field'
  | 'cycle'
  | 'order'
  | 'unknown-field'
  | 'too-many-sources';

/** The message is one line for people: what was declared, where, what to change. */
export class ModelError extends CodedError<ModelErrorCode> {
  override readonly name = 'ModelError';
}
