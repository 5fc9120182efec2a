/** Converts values to text as core does. */

/** The `%.15g` of C. */
const general = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : Number.isNaN(value) ? 'nan' : '-inf';
  const [mantissa = '', exponent] = value.toPrecision(15).split('e');
  const digits = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  if (exponent === undefined) {
    // JavaScript writes no exponent down to 1e-7, C only to 1e-4.
    if (value !== 0 && Math.abs(value) < 1e-4) {
      const [fraction = '', power = '0'] = value.toExponential(14).split('e');
      return `${fraction.replace(/\.?0+$/, '')}e-${String(-Number(power)).padStart(2, '0')}`;
    }
    return digits;
  }
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${digits}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`;
};

/** A double in the result of a query over Thrift or in a log: with a decimal point, as in `2.0`. */
export const coreDouble = (value: number): string => {
  const text = general(value);
  return text.includes('.') || !Number.isFinite(value) ? text : `${text}.0`;
};

/** A double as SQLite itself converts it to text, and as the shell shows it: `2.0`, `1.0e+20`. */
export const sqliteDouble = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  const [mantissa = '', exponent] = general(value).split('e');
  const decimal = mantissa.includes('.') ? mantissa : `${mantissa}.0`;
  return exponent === undefined ? decimal : `${decimal}e${exponent}`;
};
