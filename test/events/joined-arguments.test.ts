import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argumentsBeside, argumentsOf } from '../../src/events/joined-arguments.ts';

describe('arguments beside a command line', () => {
  it('take nothing where they follow from it', () => {
    expect(argumentsBeside(['ls', '-l', ''])).toBeUndefined();
    expect(argumentsOf('ls -l ', undefined)).toBe('["ls","-l",""]');
    expect(argumentsOf('', argumentsBeside(['']))).toBe('[""]');
  });

  it('take their lengths where one has a space in it', () => {
    expect(argumentsBeside(['sh', '-c', 'echo a b'])).toBe('2,2,8');
    expect(argumentsOf('sh -c echo a b', '2,2,8')).toBe('["sh","-c","echo a b"]');
  });

  it('are read as rows of earlier versions have them', () => {
    expect(argumentsOf('sh -c echo a b', '["sh","-c","echo a b"]')).toBe('["sh","-c","echo a b"]');
  });

  it('come out as they went in, whatever they are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(' ', '  ', '[', '1,2', '😀 '),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), argv => {
        expect(JSON.parse(argumentsOf(argv.join(' '), argumentsBeside(argv))!)).toEqual(argv);
      }),
    );
  });

  it.each(['1', '1,1', '3,9', 'x', '-1,5', '1.5,2', ''])('are NULL where %j does not fit', beside => {
    expect(argumentsOf('one two', beside)).toBeUndefined();
  });
});
