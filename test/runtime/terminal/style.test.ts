import { describe, expect, test } from 'vitest';
import { COLOURED, columnsOf, PLAIN, styleOf } from '../../../src/runtime/terminal/style.ts';

describe('styleOf', () => {
  test('has colours only on a terminal that has them', () => {
    expect(styleOf({ isTTY: true, hasColors: () => true })).toBe(COLOURED);
    expect(styleOf({ isTTY: true, hasColors: () => false })).toBe(PLAIN);
    expect(styleOf({ isTTY: true })).toBe(PLAIN);
    expect(styleOf({ hasColors: () => true })).toBe(PLAIN);
    expect(COLOURED.name('x')).toBe('\u001b[1mx\u001b[22m');
    expect(COLOURED.bad('')).toBe('');
    expect(PLAIN.bad('x')).toBe('x');
  });
});

describe('columnsOf', () => {
  test('is not known off a terminal, or if the terminal does not tell', () => {
    expect(columnsOf({ isTTY: true, columns: 80 })).toBe(80);
    expect(columnsOf({ isTTY: true, columns: 0 })).toBeUndefined();
    expect(columnsOf({ isTTY: true })).toBeUndefined();
    expect(columnsOf({ columns: 80 })).toBeUndefined();
  });
});
