const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** What bytes must look like as text, worked out the slow way: whatever is not UTF-8, or NUL, as `\xHH`. */
export const textOf = (bytes: Uint8Array): string => {
  const whole = decoded(bytes);
  if (whole !== undefined) return whole.replaceAll('\0', '\\x00');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let l = 1; l <= 4 && length === 0; l++) {
      const part = decoded(bytes.subarray(at, at + l));
      if (part !== undefined && at + l <= bytes.length && [...part].length === 1 && part !== '\0') {
        text += part;
        length = l;
      }
    }
    if (length === 0) text += `\\x${bytes[at]!.toString(16).toUpperCase().padStart(2, '0')}`;
    at += length || 1;
  }
  return text;
};
