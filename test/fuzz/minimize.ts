/**
 * The shortest input that is found by leaving out stretches, each half as long as the ones before.
 *
 * @param fails whether an input still shows what the whole one did
 */
export const minimize = (input: Buffer, fails: (input: Buffer) => boolean): Buffer => {
  let shortest = input;
  for (let length = input.length >>> 1; length >= 1; length >>>= 1) {
    for (let at = 0; at < shortest.length; ) {
      const candidate = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + length)]);
      if (fails(candidate)) shortest = candidate;
      else at += length;
    }
  }
  return shortest;
};
