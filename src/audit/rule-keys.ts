import { PROGRAM } from '../runtime/program-name.ts';

/** Key of every rule of ours: what `auditctl -l` shows beside it, and how we know our own. */
export const RULE_KEY = PROGRAM;

/** Of the rules that watch files: an event that has it was selected by the kernel, whatever its path looks like from here. */
export const FILES_KEY = `${RULE_KEY}:files`;
