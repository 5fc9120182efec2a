import type { ContainerDetails } from './container-details.ts';
import type { GrpcCall } from './grpc-call.ts';

/** Asks a runtime on its local socket, if its files do not have everything. */
export interface RuntimeSocket {
  readonly path: string;
  /** @returns undefined if the runtime has no container with that id */
  ask(id: string, call: GrpcCall): Promise<Partial<ContainerDetails> | undefined>;
}
