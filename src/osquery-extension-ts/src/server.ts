/**
 * Both ends of the socket: the server that core calls, core's own side for tests and embedded cores, and the client
 * by which core uses an extension.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export { ExtensionClient } from './client/extension-client.ts';
export type { ClientCallMessage, ServerRejectedMessage, ServerRequestMessage } from './diagnostics.ts';
export { CHANNELS } from './diagnostics.ts';
export * from './limits.ts';
export type {
  ExtensionManagerHandlers,
  ExtensionManagerServerOptions,
} from './server/extension-manager-server.ts';
export { ExtensionManagerServer } from './server/extension-manager-server.ts';
export type { ExtensionServerOptions } from './server/extension-server.ts';
export { ExtensionServer, pluginRoutes } from './server/extension-server.ts';
export type { ServerLimits } from './server/limits.ts';
export type { RefusePeer } from './server/refuse-peer.ts';
