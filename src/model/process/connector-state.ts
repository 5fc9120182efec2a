import type { ProcessConnector } from './process-connector.ts';

/** The state of the process connector, for people. */
export interface ConnectorState {
  /** Why there is none, or no longer. */
  error: string | undefined;
  /** How often it overflowed. */
  overruns: number;
  /** Takes what the kernel has reported by now. */
  drain?: () => void;
  /** Continues with another connector. */
  replace?: (open: () => ProcessConnector) => void;
}

export const createConnectorState = (): ConnectorState => ({ error: undefined, overruns: 0 });
