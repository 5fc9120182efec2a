import fc from 'fast-check';

/** Text of any characters, halves of surrogate pairs included. */
export const anyText = (options: { readonly maxLength?: number } = {}): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0, max: 0x7f }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0x10ffff }),
      ),
      { maxLength: options.maxLength ?? 20 },
    )
    .map(codes => String.fromCodePoint(...codes));
