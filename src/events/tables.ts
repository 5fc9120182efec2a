import { processEvents } from '../../tables/process_events.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import { userEvents } from '../../tables/user_events.ts';
import type { EventTable } from './event-table.ts';

/** Every table that events feed. A new one is its file in tables/ and its line here. */
export const eventTables: readonly EventTable[] = [processEvents, socketEvents, userEvents];
