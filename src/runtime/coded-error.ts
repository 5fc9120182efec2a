/**
 * Base of the errors that this program expects. The message is one line for people: what was expected, what came,
 * where, what to do. The code is for programs: lower-case words joined by hyphens. An error without a code is a fault
 * in this program.
 */
export class CodedError<Code extends string = string> extends Error {
  override readonly name: string = 'CodedError';
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
