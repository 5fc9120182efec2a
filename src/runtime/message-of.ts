/** The message of an error; the text of a thrown value that is not an Error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
