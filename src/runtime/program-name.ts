/** Name of this program: of the command, of its process's title, and of the extension in osquery. */
export const PROGRAM = 'osquery-audit-events';

/** The kernel's name of its main thread (comm): PR_SET_NAME keeps 15 bytes. */
export const PROGRAM_COMM = PROGRAM.slice(0, 15);
