import { PROGRAM } from '../runtime/program-name.ts';

/** Key of all our rules: `auditctl -l` shows it, and we recognize our rules by it. */
export const RULE_KEY = PROGRAM;

/** Key of the rules that watch files. An event with it was selected by the kernel, however its path looks here. */
export const FILES_KEY = `${RULE_KEY}:files`;
