/** What has become of the process connector, for people. */
export interface ConnectorState {
  /** Why there is none, or no longer. */
  error: string | undefined;
  /** Times it overflowed. */
  overruns: number;
  /** Takes in what the kernel has told by now. */
  drain?: () => void;
}

export const createConnectorState = (): ConnectorState => ({ error: undefined, overruns: 0 });
