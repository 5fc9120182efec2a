/** The first Node with the features used here that can be required from CommonJS. */
const LEAST = [22, 12] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
  const error = new Error(
    `osquery-extension-ts needs Node ${LEAST.join('.')} or later; this is Node ${process.versions.node}, ${process.execPath}`,
  );
  // Only the message: the stack would not help.
  error.stack = error.message;
  throw error;
}
