import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Plain JavaScript for Node 18 and later, like node.js: both run before a Node that understands TypeScript is found.
 * Types and their meaning are in choose-node.d.ts.
 */

export const chooseNode = (host, exists = existsSync) => {
  const { version, execPath, platform, arch, root, needed } = host;
  if (isAtLeast(version, needed)) return { path: execPath };
  const path = join(root, 'node_modules', `node-${platform}-${arch}`, 'bin', 'node');
  if (exists(path)) return { path };
  const problem = `expected Node ${needed} or later, and this is ${version}`;
  const isInNpm = platform === 'linux' && (arch === 'x64' || arch === 'arm64');
  return {
    missing: isInNpm
      ? `${problem}, and ${path} is not there: run "npm ci", without --omit=optional, which installs it`
      : `${problem}; npm has Node only for Linux on x64 and arm64, not for ${platform} on ${arch}: install Node with this system's own tools`,
  };
};

export const startFailure = (path, error, exists = existsSync) => {
  // The kernel also reports a missing program if only its loader is missing.
  if (error.code !== 'ENOENT' || !exists(path)) return `cannot run ${path}: ${error.message}`;
  return `cannot run ${path}: it needs glibc, and this system has another C library: install this system's own Node, in at least that version`;
};

/**
 * Whether a version is the needed one or later. A version with a dash is a preview, which comes before the version of
 * the same number.
 */
const isAtLeast = (version, needed) => {
  const [numbers = '', preview] = version.split('-');
  const parts = numbers.split('.').map(Number);
  for (const [index, wanted] of needed.split('.').map(Number).entries()) {
    if (parts[index] !== wanted) return parts[index] > wanted;
  }
  return preview === undefined;
};
