/**
 * Frees memory at once, without waiting for the garbage collector: an event may have many megabytes. Bytes that share
 * their memory with others stay as they are. The freed bytes must not be used any more.
 */
export const releaseBytes = ({ buffer, byteLength }: Uint8Array): void => {
  if (byteLength > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};
