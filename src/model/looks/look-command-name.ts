/** The word for this program that makes it look at files. */
export const LOOK_COMMAND = 'look';
/** That process's end of the connection. */
export const LOOK_FD = 3;
