/**
 * Counts records in which the readers found damage: an unclosed quote, broken hex, a record cut short. The damaged
 * part becomes NULL. Readers add to it, and the interpreter moves it into its counters. Passing a counter through
 * every reader would slow down the many intact records.
 */
export const damage = {
  records: 0,
};
