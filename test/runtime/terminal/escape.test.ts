import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeForTerminal, jsonString } from '../../../src/runtime/terminal/escape.ts';
import { anyText } from '../../core/any-text.ts';

/** What must never reach a terminal: controls, format characters, separators, halves of pairs. */
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const hostile = fc.oneof(
  anyText(),
  fc.string({
    unit: fc.constantFrom('\u001b', '[31m', '\u009b', '\u202e', '\u200b', '\n', 'a', '\u{e0041}', '\ud800'),
  }),
);

describe('escapeForTerminal', () => {
  test.each([
    ['plain', 'plain'],
    ['Grüße 漢字', 'Grüße 漢字'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['\u0000\u0007\u007f', '\\x00\\x07\\x7f'],
    ['\u009b31m', '\\x9b31m'],
    ['\u202etxt.exe', '\\u202etxt.exe'],
    ['a\u200bb\u200d\ufeff', 'a\\u200bb\\u200d\\ufeff'],
    ['\u2066x\u2069\u061c', '\\u2066x\\u2069\\u061c'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800', '\\ud800'],
    ['\u3164', '\\u3164'],
  ])('%j becomes %j', (text, expected) => {
    expect(escapeForTerminal(text)).toBe(expected);
  });

  test('lets nothing dangerous through', () => {
    fc.assert(
      fc.property(hostile, text => {
        expect(escapeForTerminal(text)).not.toMatch(DANGEROUS);
      }),
    );
  });
});

describe('jsonString', () => {
  test('is JSON that means the same and holds nothing dangerous', () => {
    fc.assert(
      fc.property(hostile, text => {
        const json = jsonString(text);
        expect(JSON.parse(json)).toBe(text);
        expect(json).not.toMatch(DANGEROUS);
        expect(Buffer.from(json).toString()).toBe(json);
      }),
    );
  });
});
