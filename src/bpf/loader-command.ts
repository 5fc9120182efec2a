/** The command that `startLoader` runs. */
export const LOADER_COMMAND = 'load-bpf';
/** The loader's end of the connection. */
export const LOADER_FD = 3;
/** What the loader waits for. */
export const GO = 'go';
