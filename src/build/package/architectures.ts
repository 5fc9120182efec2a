/** A kind of machine, with its names in npm, Debian and RPM. */
export interface Architecture {
  /** The name in Node and npm. */
  readonly node: 'x64' | 'arm64';
  readonly deb: string;
  readonly rpm: string;
  /** The dynamic loader. If it is missing, the system has no glibc. */
  readonly loader: string;
}

export const architectures: readonly Architecture[] = [
  { node: 'x64', deb: 'amd64', rpm: 'x86_64', loader: '/lib64/ld-linux-x86-64.so.2' },
  { node: 'arm64', deb: 'arm64', rpm: 'aarch64', loader: '/lib/ld-linux-aarch64.so.1' },
];
