/** What an error says, in words; of a thrown value that is no Error, its text. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
