/**
 * Records in which the readers found damage: an unclosed quote, broken hex, a record cut short. What such a record says there
 * is NULL. The readers add to it, and the interpreter moves it into its counters. Passing a counter through every reader would
 * slow down the many whole records.
 */
export const damage = {
  records: 0,
};
