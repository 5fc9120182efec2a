/**
 * Gives memory back at once, not when the garbage collector comes to it: an event may have many megabytes. Bytes that share
 * their memory with others stay as they are. Nobody may look at them any more.
 */
export const releaseBytes = ({ buffer, byteLength }: Uint8Array): void => {
  if (byteLength > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};
