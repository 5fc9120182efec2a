import type { FuzzTarget } from './target.ts';
import { bsm } from './targets/bsm.ts';
import { context } from './targets/context.ts';
import { correlator } from './targets/correlator.ts';
import { execve, execveText } from './targets/execve.ts';
import { flagfile } from './targets/flagfile.ts';
import { forgery } from './targets/forgery.ts';
import { header } from './targets/header.ts';
import { log } from './targets/log.ts';
import { record } from './targets/record.ts';
import { segment } from './targets/segment.ts';
import { sockaddr } from './targets/sockaddr.ts';
import { thriftReply, thriftRequest } from './targets/thrift.ts';

/** In the order they run. */
export const targets: readonly FuzzTarget[] = [
  header,
  record,
  execve,
  execveText,
  sockaddr,
  correlator,
  forgery,
  log,
  bsm,
  context,
  thriftRequest,
  thriftReply,
  segment,
  flagfile,
];
