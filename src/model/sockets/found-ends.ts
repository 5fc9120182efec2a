/** What audit does not record about a socket event; undefined if its row has it already, or it is not known. */
export interface FoundEnds {
  readonly eid: number;
  readonly family: number | undefined;
  readonly protocol: number;
  readonly localAddress: string | undefined;
  readonly localPort: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
}
