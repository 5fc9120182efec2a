import type { EventTable } from '../src/events/event-table.ts';
import { apparmorEvents } from './apparmor_events.ts';
import { tableOn } from './platform-table.ts';
import { processEvents } from './process_events.ts';
import { processFileEvents } from './process_file_events.ts';
import { seccompEvents } from './seccomp_events.ts';
import { selinuxEvents } from './selinux_events.ts';
import { socketEvents } from './socket_events.ts';
import { userEvents } from './user_events.ts';

/** Every table that events feed. To add one, add its file to tables/ and its line here. */
const catalogue: readonly EventTable[] = [
  processEvents,
  socketEvents,
  userEvents,
  selinuxEvents,
  apparmorEvents,
  seccompEvents,
  processFileEvents,
];

/** The tables with their columns on a platform. */
export const eventTablesOn = (platform: NodeJS.Platform): readonly EventTable[] =>
  catalogue
    .filter(({ linuxOnly }) => platform === 'linux' || linuxOnly !== true)
    .map(table => tableOn(platform, table));

/** The tables of this platform. */
export const eventTables: readonly EventTable[] = eventTablesOn(process.platform);
