import { fromFile, type Program } from '../bench/program.ts';
import { builtExtension } from '../built-extension.ts';

/** What live tests start: this tree as one executable, or the one that OSQUERY_AUDIT_EVENTS_EXT names. */
export const programUnderTest = async (): Promise<Program> =>
  fromFile(process.env.OSQUERY_AUDIT_EVENTS_EXT ?? (await builtExtension()));
