import koffi from 'koffi';

/** The C library of this process. */
export const libc = koffi.load(null);

/** Memory address of a buffer that C keeps pointers into; the buffer must stay referenced. */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes);

/** Memory at an address, for example a mapping. It must not be used after it was unmapped. */
export const viewOf = (address: unknown, bytes: number): ArrayBuffer => koffi.view(address, bytes);

/** errno of this thread's last call. */
export const errno = (): number => koffi.errno();
