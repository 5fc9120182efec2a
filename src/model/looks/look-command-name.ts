/** The command that makes this program look at files. */
export const LOOK_COMMAND = 'look';
/** The descriptor of that process's end of the connection. */
export const LOOK_FD = 3;
