import type { ContainerDetails } from './container-details.ts';
import type { GrpcCall } from './grpc-call.ts';

/** What a runtime says on its local socket, where its files do not say all. */
export interface RuntimeSocket {
  readonly path: string;
  /** @returns undefined if it knows none of that id */
  ask(id: string, call: GrpcCall): Promise<Partial<ContainerDetails> | undefined>;
}
