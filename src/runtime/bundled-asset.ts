import { getRawAsset } from 'node:sea';

/**
 * A file that the build put into the executable. The bytes are those of the executable itself: writing to them ends
 * the process.
 *
 * @throws ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND where there is none of that name, and outside of a bundle
 */
export const bundledAsset = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(getRawAsset(name));
