import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProcessEvent } from '../../src/audit/audit-event.ts';
import { boundArguments, CUT_MARK } from '../../src/audit/bound-arguments.ts';
import { argumentsBeside } from '../../src/events/joined-arguments.ts';

const ROW_BYTES = 131_072;
const ROOM = ROW_BYTES - 8_192;
const exec = (argv: readonly string[] | undefined): ProcessEvent =>
  ({ kind: 'process', argv }) as ProcessEvent;

describe('boundArguments', () => {
  it('leaves what fits as it is, and what is not known', () => {
    for (const argv of [undefined, [], ['ls', '-l'], ['x'.repeat(20_000), 'y'.repeat(20_000)]]) {
      const event = exec(argv);
      expect(boundArguments(event, ROW_BYTES)).toBe(event);
    }
  });

  it('cuts the argument that does not fit, marks it, and says how long all of them were', () => {
    const argv = ['cat', 'x'.repeat(130_000), 'y'.repeat(130_000), 'z'];
    const cut = boundArguments(exec(argv), ROW_BYTES);
    expect(cut.commandLineBytes).toBe(argv.join(' ').length);
    expect(cut.argv).toHaveLength(2);
    expect(cut.argv![0]).toBe('cat');
    expect(cut.argv![1]!.endsWith(`x${CUT_MARK}`)).toBe(true);
    expect(cut.argv![1]!.length).toBeGreaterThan(120_000);
  });

  it('does not cut through a character', () => {
    for (let shift = 0; shift < 4; shift++) {
      const cut = boundArguments(exec(['x'.repeat(shift), '😀'.repeat(60_000)]), ROW_BYTES);
      expect(cut.argv![1]).toMatch(/^(😀)+…\[cut\]$/u);
    }
  });

  it('bounds what a row holds, whatever the arguments are', () => {
    const argument = fc.oneof(
      fc.constant(''),
      fc.string({ unit: 'grapheme', maxLength: 5 }),
      fc
        .record({
          length: fc.integer({ min: 0, max: 70_000 }),
          text: fc.constantFrom('x', ' ', 'ü', '☃', '😀'),
        })
        .map(({ length, text }) => text.repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 6 }), fc.nat(3), (some, times) => {
        // As many bytes in all, in few long arguments or in many short ones.
        const parts = some.map(text => text.slice(0, text.length / 10 ** times).toWellFormed());
        const argv = Array.from({ length: 10 ** times }, () => parts).flat();
        const { argv: kept, commandLineBytes } = boundArguments(exec(argv), ROW_BYTES);
        const commandLine = kept!.join(' ');
        expect(Buffer.byteLength(commandLine) + (argumentsBeside(kept!)?.length ?? 0)).toBeLessThanOrEqual(
          ROOM,
        );
        if (commandLineBytes === undefined) expect(kept).toEqual(argv);
        else {
          expect(commandLineBytes).toBe(Buffer.byteLength(argv.join(' ')));
          expect(commandLine.endsWith(CUT_MARK)).toBe(true);
          expect(argv.join(' ').startsWith(commandLine.slice(0, -CUT_MARK.length))).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
});
