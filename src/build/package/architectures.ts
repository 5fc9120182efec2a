/** A kind of machine, by the names that everybody has for it. */
export interface Architecture {
  /** Node's and npm's. */
  readonly node: 'x64' | 'arm64';
  readonly deb: string;
  readonly rpm: string;
  /** The program that loads programs; where it is not, there is no glibc. */
  readonly loader: string;
}

export const architectures: readonly Architecture[] = [
  { node: 'x64', deb: 'amd64', rpm: 'x86_64', loader: '/lib64/ld-linux-x86-64.so.2' },
  { node: 'arm64', deb: 'arm64', rpm: 'aarch64', loader: '/lib/ld-linux-aarch64.so.1' },
];
