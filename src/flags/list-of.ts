/** The items of a list that is separated by commas, as osquery's flags are; blanks around them and empty ones do not count. */
export const listOf = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '');
