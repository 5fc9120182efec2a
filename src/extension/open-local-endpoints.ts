import type { EventBuffer } from '../events/event-buffer.ts';
import type { RowExtras } from '../events/row-extras.ts';
import { systemClock } from '../model/clock.ts';
import { ProcfsReader } from '../model/procfs/reader.ts';
import { openSocketDumper } from '../model/sockets/dump-sockets.ts';
import { SocketLookup } from '../model/sockets/socket-lookup.ts';
import { LocalEndpoints } from './local-endpoints.ts';

/**
 * Linux only: what it loads exists nowhere else.
 *
 * @param buffer that of socket_events
 * @param extras the values of LocalEndpoints before these
 * @throws Error if the kernel has no sock_diag for us
 */
export const openLocalEndpoints = (buffer: EventBuffer, extras?: RowExtras): LocalEndpoints =>
  new LocalEndpoints(
    new SocketLookup({ procfs: new ProcfsReader(), clock: systemClock, dumper: openSocketDumper() }),
    buffer,
    extras,
  );
