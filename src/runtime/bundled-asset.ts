import { getRawAsset } from 'node:sea';

/**
 * A file that the build put into the executable. The bytes are the executable's own memory: writing to them ends the
 * process.
 *
 * @throws ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND if there is no asset of that name, and outside a bundle
 */
export const bundledAsset = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(getRawAsset(name));
