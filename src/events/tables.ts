import { processEvents } from '../../tables/process_events.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import { userEvents } from '../../tables/user_events.ts';
import type { EventTable } from './event-table.ts';
import { tableOn } from './platform-table.ts';

/** Every table that events feed. A new one is its file in tables/ and its line here. */
const catalogue: readonly EventTable[] = [processEvents, socketEvents, userEvents];

/** The tables as a platform has them. */
export const eventTablesOn = (platform: NodeJS.Platform): readonly EventTable[] =>
  catalogue.map(table => tableOn(platform, table));

/** The tables of this platform. */
export const eventTables: readonly EventTable[] = eventTablesOn(process.platform);
