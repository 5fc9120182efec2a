/** Name of this program: as a command, as its process's title, and as osquery's name for the extension. */
export const PROGRAM = 'osquery-audit-events';

/** The kernel's name for its main thread (comm): PR_SET_NAME keeps 15 bytes. */
export const PROGRAM_COMM = PROGRAM.slice(0, 15);
