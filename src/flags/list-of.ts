/** The items of a comma-separated list, as in osquery's flags. Blanks around items, and empty items, are ignored. */
export const listOf = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '');
