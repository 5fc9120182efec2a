/** What has become of the process connector, for people. */
export interface ConnectorState {
  /** Why there is none, or no longer. */
  error: string | undefined;
  /** Times it overflowed. */
  overruns: number;
}

export const createConnectorState = (): ConnectorState => ({ error: undefined, overruns: 0 });
