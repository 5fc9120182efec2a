import type { EventTable } from '../src/events/event-table.ts';
import { tableOn } from './platform-table.ts';
import { processEvents } from './process_events.ts';
import { socketEvents } from './socket_events.ts';
import { userEvents } from './user_events.ts';

/** Every table that events feed. A new one is its file in tables/ and its line here. */
const catalogue: readonly EventTable[] = [processEvents, socketEvents, userEvents];

/** The tables as a platform has them. */
export const eventTablesOn = (platform: NodeJS.Platform): readonly EventTable[] =>
  catalogue.map(table => tableOn(platform, table));

/** The tables of this platform. */
export const eventTables: readonly EventTable[] = eventTablesOn(process.platform);
