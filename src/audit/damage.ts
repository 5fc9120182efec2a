/**
 * Records in which the readers found damage: an unclosed quote, broken hex, a record cut short. What such a record says there
 * is NULL. The readers add to it, the interpreter takes it into its counters; a counter handed through every reader would
 * cost the many records that are whole.
 */
export const damage = {
  records: 0,
};
