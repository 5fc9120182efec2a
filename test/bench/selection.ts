import type { RuleSelection } from '../../src/audit/rules.ts';

/** The rules that the extension has for `socketOptions`, for those that take its place. */
export const connectSelection: RuleSelection = {
  processEvents: false,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: true,
  acceptSocketEvents: true,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
};
