import koffi from 'koffi';

/** The C library that this process runs with. */
export const libc = koffi.load(null);

/** Memory address of a buffer that C keeps pointers into; the buffer must stay referenced. */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes);

/** errno of the last call of this thread. */
export const errno = (): number => koffi.errno();
