/** Domains of core's database. Source: osquery/database/database.cpp. */
export const PERSISTENT_SETTINGS = 'configurations';
/** Results, counters, and views of the configuration. */
export const QUERIES = 'queries';
/** Has a key for each distributed query while it runs. */
export const DISTRIBUTED_RUNNING = 'distributed_running';
