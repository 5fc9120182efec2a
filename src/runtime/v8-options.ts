/**
 * How V8 works in this program; for Node's command line, and built into the single executable.
 *
 * Megabytes that what is new may fill: V8 would let it fill 50 before it looks; all of it is dead after milliseconds.
 */
export const V8_OPTIONS = ['--max-semi-space-size=4'] as const;
