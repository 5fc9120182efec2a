import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient } from './client/extension-manager-client.ts';
import { debug } from './diagnostics.ts';
import { type ExtensionUuid, isOsqueryError, OsqueryError, OsqueryStatusError, shown } from './errors.ts';
import type { ExtensionInfo, PluginRoutes } from './extension-info.ts';
import type { Plugin } from './plugins/plugin.ts';
import { ExtensionServer, pluginRoutes } from './server/extension-server.ts';
import type { ServerLimits } from './server/limits.ts';
import type { RefusePeer } from './server/refuse-peer.ts';

/** Core's own defaults of `--extensions_interval` and `--extensions_timeout`, in seconds. */
const DEFAULT_INTERVAL_S = 3;
const DEFAULT_TIMEOUT_S = 3;

/** Milliseconds between two attempts to register, as in core's own SDK. */
const RETRY_MS = 200;

/** Most milliseconds between two attempts to reconnect: a core that waits for its config plugin waits 3 s. */
const MAX_RECONNECT_MS = 800;

/** Milliseconds that a stop waits for a core that does not answer. */
const STOP_MS = 1000;

/** Pings without a timely answer until core counts as lost; a core that is gone is noticed at the first. */
const MAX_UNANSWERED_PINGS = 3;

/** Definition of an extension, and the place of its core. */
export interface RunExtensionOptions {
  /** Unique among the extensions of one core; `--extensions_require` uses it. */
  readonly name: string;
  /** For people: core shows it in `osquery_extensions`. */
  readonly version: string;
  readonly plugins: readonly Plugin[];
  /** Core's socket, as core gives it in `--socket`. */
  readonly socket: string;
  /** Seconds between two looks at core, as core gives it in `--interval`. */
  readonly interval?: number;
  /** Seconds to wait for core when registering, as core gives it in `--timeout`. */
  readonly timeout?: number;
  /**
   * Waits for a core that is not there yet, and continues with the next one when core is gone or has asked the
   * extension to stop (osqueryd does when it ends). For an extension that osqueryd does not start itself. Then only
   * the signal ends it.
   */
  readonly reconnect?: boolean;
  /** Stops the extension. */
  readonly signal?: AbortSignal;
  /** See {@link ExtensionInfo}. Default: "0.0.0", which core always accepts. */
  readonly sdkVersion?: string;
  /** Likewise. */
  readonly minSdkVersion?: string;
  /** What the extension accepts from its clients; absent values have defaults. */
  readonly limits?: Partial<ServerLimits>;
  /** Decides on each client of the extension's socket. */
  readonly refusePeer?: RefusePeer;
  /** Called when core pings: before each call, and every few seconds. Preparations for a call can begin here. */
  readonly onPing?: () => void;
  /** Called after each registration, when core can call. More than once if core has dropped the extension. */
  readonly onRegistered?: (registration: Registration) => void;
  /** Called as soon as core is found lost, before anything is closed. */
  readonly onLost?: (error: OsqueryError) => void;
}

/** A registration that core knows. */
export interface Registration {
  readonly uuid: ExtensionUuid;
  /** Where this extension listens. */
  readonly socketPath: string;
  /** A client of core, closed when the extension ends. */
  readonly client: ExtensionManagerClient;
}

/** Why an extension ended. */
export type ExtensionEnd =
  /** Core asked it to. */
  | { readonly kind: 'shutdown' }
  /** The caller's AbortSignal fired. */
  | { readonly kind: 'signal'; readonly reason: unknown }
  /** Core is gone, or was replaced by another. */
  | { readonly kind: 'core-lost'; readonly error: OsqueryError };

/**
 * Runs an extension: registers its plugins with core, serves core's calls, and watches core; until core asks it to
 * stop, core is lost, or the signal fires. Then it deregisters, closes, and removes its socket file.
 *
 * An extension that core has dropped (because it did not answer a ping, after a suspend for example) registers again.
 *
 * @throws OsqueryStatusError OSQUERY_REGISTRATION_REFUSED when core refuses it
 * @throws OsqueryError OSQUERY_CONNECT when no core answers within the timeout
 */
export async function runExtension(options: RunExtensionOptions): Promise<ExtensionEnd> {
  checkOptions(options);
  const routes = pluginRoutes(options.plugins);
  await using client = new ExtensionManagerClient({ socketPath: options.socket });
  const started: Plugin[] = [];
  try {
    for (const plugin of options.plugins) {
      await plugin.start?.({ client });
      started.push(plugin);
    }
    return await runAgain(options, routes, client);
  } finally {
    for (const plugin of started.reverse()) await plugin.stop?.();
  }
}

/** Runs until it ends for good. */
async function runAgain(
  options: RunExtensionOptions,
  routes: PluginRoutes,
  client: ExtensionManagerClient,
): Promise<ExtensionEnd> {
  const { signal, name, reconnect = false } = options;
  const mostMs = seconds(options.interval ?? DEFAULT_INTERVAL_S);
  let waitMs = RETRY_MS;
  for (;;) {
    if (signal?.aborted) return { kind: 'signal', reason: signal.reason };
    const registered = performance.now();
    const end = await runOnce(options, routes, client).catch((error: unknown) => {
      if (reconnect && isNotThereYet(error)) return { kind: 'core-lost', error } as const;
      throw error;
    });
    if (end.kind !== 'dropped' && (end.kind === 'signal' || !reconnect)) return end as ExtensionEnd;
    debug('%s: %s; registering again', name, end.kind);
    // After a core that ran for a while, the waiting starts again with the shortest pause.
    if (performance.now() - registered > mostMs) waitMs = RETRY_MS;
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, MAX_RECONNECT_MS);
  }
}

/** Every option: the compiler ensures that none is missing. */
const OPTIONS: Readonly<Record<keyof RunExtensionOptions, true>> = {
  name: true,
  version: true,
  plugins: true,
  socket: true,
  interval: true,
  timeout: true,
  reconnect: true,
  signal: true,
  sdkVersion: true,
  minSdkVersion: true,
  limits: true,
  refusePeer: true,
  onPing: true,
  onRegistered: true,
  onLost: true,
};

/** The compiler's checks, for authors without one. */
function checkOptions(options: RunExtensionOptions): void {
  const fail = (what: string, expected: string, got: unknown): never => {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `runExtension: ${what}: expected ${expected}, got ${shown(got)}`,
    );
  };
  if (typeof options !== 'object' || options === null)
    fail('options', '{ name, version, plugins, socket }', options);
  const { name, version, plugins, socket } = options;
  if (typeof name !== 'string' || name === '') fail('name', 'a text', name);
  if (typeof version !== 'string') fail('version', 'a text', version);
  if (typeof socket !== 'string')
    fail('socket', "the path of core's socket, as it gives it in --socket", socket);
  if (!Array.isArray(plugins)) fail('plugins', 'a list of plugins', plugins);
  for (const plugin of plugins) {
    if (typeof plugin?.call !== 'function') fail('plugins', 'plugins, such as a TablePlugin', plugin);
  }
  for (const option of ['interval', 'timeout'] as const) {
    const value: unknown = options[option];
    if (value !== undefined && !(typeof value === 'number' && value > 0)) {
      fail(option, 'a positive number of seconds', value);
    }
  }
  for (const option of Object.keys(options)) {
    if (option in OPTIONS) continue;
    const known = Object.keys(OPTIONS).join(', ');
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `runExtension: option ${option} does not exist; expected any of ${known}`,
    );
  }
}

async function runOnce(
  options: RunExtensionOptions,
  routes: PluginRoutes,
  client: ExtensionManagerClient,
): Promise<ExtensionEnd | { readonly kind: 'dropped' }> {
  const { signal } = options;
  const uuid = await register(options, routes, client);
  if (uuid === undefined) return { kind: 'signal', reason: signal?.reason };

  const stopped = Promise.withResolvers<ExtensionEnd | { readonly kind: 'dropped' }>();
  const onAbort = (): void => stopped.resolve({ kind: 'signal', reason: signal?.reason });
  const server = new ExtensionServer({
    managerSocketPath: options.socket,
    uuid,
    plugins: options.plugins,
    client,
    onShutdown: () => stopped.resolve({ kind: 'shutdown' }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.refusePeer === undefined ? {} : { refusePeer: options.refusePeer }),
    ...(options.onPing === undefined ? {} : { onPing: options.onPing }),
  });
  const watching = new AbortController();
  let known = true;
  try {
    await server.listen();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    options.onRegistered?.({ uuid, socketPath: server.socketPath, client });
    debug('%s: registered as %d, listening at %s', options.name, uuid, server.socketPath);
    watch(options, uuid, watching.signal).then(stopped.resolve, stopped.reject);
    const end = await stopped.promise;
    known = end.kind === 'shutdown' || end.kind === 'signal';
    if (end.kind === 'core-lost') options.onLost?.(end.error);
    return end;
  } finally {
    watching.abort();
    signal?.removeEventListener('abort', onAbort);
    // Calls are served until core has forgotten this extension: core may hold a lock that the deregistration needs.
    const answered = !known || (await deregister(options, uuid));
    // A core that does not answer takes no replies either.
    await server.close(answered ? undefined : 0);
  }
}

/**
 * Removes the extension from core, over a separate connection: the caller's may be waiting for a long query. False if
 * core did not.
 */
async function deregister(options: RunExtensionOptions, uuid: ExtensionUuid): Promise<boolean> {
  await using client = new ExtensionManagerClient({ socketPath: options.socket, timeoutMs: STOP_MS });
  try {
    await client.deregisterExtension(uuid);
    return true;
  } catch (error) {
    debug('%s: deregistration failed: %s', options.name, error);
    return false;
  }
}

/**
 * Registers, and tries again while core is not there yet or still has an earlier instance; undefined when aborted.
 */
async function register(
  options: RunExtensionOptions,
  routes: PluginRoutes,
  client: ExtensionManagerClient,
): Promise<ExtensionUuid | undefined> {
  const { signal } = options;
  const timeoutMs = seconds(options.timeout ?? DEFAULT_TIMEOUT_S);
  // Core forgets an extension that is gone at its next check, after its interval.
  const duplicateMs = Math.max(timeoutMs, 2 * seconds(options.interval ?? DEFAULT_INTERVAL_S));
  const info: ExtensionInfo = {
    name: options.name,
    version: options.version,
    sdkVersion: options.sdkVersion ?? '0.0.0',
    minSdkVersion: options.minSdkVersion ?? '0.0.0',
  };
  // If a registration were given up half-way, core would have a name that nobody serves: so its answer is awaited a
  // little.
  const giveUp = new AbortController();
  const onAbort = (): void => {
    setTimeout(() => giveUp.abort(signal?.reason), STOP_MS).unref();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const started = performance.now();
  try {
    for (;;) {
      if (signal?.aborted) return undefined;
      try {
        return await client.registerExtension(info, routes, { timeoutMs, signal: giveUp.signal });
      } catch (error) {
        if (isOsqueryError(error, 'OSQUERY_ABORTED')) return undefined;
        const elapsed = performance.now() - started;
        const again = isDuplicate(error)
          ? elapsed < duplicateMs
          : isNotThereYet(error) && elapsed < timeoutMs;
        if (!again) throw error;
        debug('%s: %s; trying again', options.name, error);
      }
      await pause(RETRY_MS, signal);
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function isNotThereYet(error: unknown): boolean {
  return isOsqueryError(error, 'OSQUERY_CONNECT') || isOsqueryError(error, 'OSQUERY_CONNECTION_LOST');
}

function isDuplicate(error: unknown): boolean {
  return error instanceof OsqueryStatusError && error.status.message.startsWith('Duplicate extension');
}

/**
 * Checks core at an interval: whether it answers, is the same one, and still knows this extension. Uses a separate
 * connection, so that a long query on another one does not look like a hung core.
 */
async function watch(
  options: RunExtensionOptions,
  uuid: ExtensionUuid,
  signal: AbortSignal,
): Promise<ExtensionEnd | { readonly kind: 'dropped' }> {
  const intervalMs = seconds(options.interval ?? DEFAULT_INTERVAL_S);
  await using client = new ExtensionManagerClient({ socketPath: options.socket, timeoutMs: intervalMs });
  let unanswered = 0;
  let connects = 1;
  for (;;) {
    try {
      await client.ping({ signal });
      // Core never closes a connection: a new one leads to a new core, which starts its own instance of this
      // extension.
      if (client.connects !== connects) {
        const error = new OsqueryError(
          'OSQUERY_CONNECTION_LOST',
          `the osquery at ${options.socket} was replaced`,
        );
        return { kind: 'core-lost', error };
      }
      if (!(await client.extensions({ signal })).has(uuid)) return { kind: 'dropped' };
      unanswered = 0;
    } catch (error) {
      if (!isOsqueryError(error)) throw error;
      if (signal.aborted) return { kind: 'signal', reason: signal.reason };
      if (error.code !== 'OSQUERY_TIMEOUT') return { kind: 'core-lost', error };
      unanswered += 1;
      if (unanswered >= MAX_UNANSWERED_PINGS) return { kind: 'core-lost', error };
      // The timeout itself has closed the connection.
      connects = client.connects + 1;
    }
    await pause(intervalMs, signal);
    if (signal.aborted) return { kind: 'signal', reason: signal.reason };
  }
}

/** Waits for a time, or until the signal fires. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}

/** Seconds as milliseconds. */
const seconds = (value: number): number => value * 1000;
