import { ExtensionServer, type ExtensionServerOptions } from 'osquery-extension-ts/server';
import { onTestFinished } from 'vitest';
import { socketPath } from '../support.ts';

/** A server that listens at a socket of its own until the test is over. */
export const startServer = async (
  options: Omit<ExtensionServerOptions, 'managerSocketPath'> & Partial<ExtensionServerOptions>,
): Promise<ExtensionServer> => {
  const server = new ExtensionServer({ managerSocketPath: socketPath(), ...options });
  await server.listen();
  onTestFinished(() => server.close(0));
  return server;
};
