// The compiler passes over the generated JavaScript: it belongs beside the compiled code as it is.
import { cpSync } from 'node:fs';

const from = new URL('../src/gen-nodejs', import.meta.url);
const to = new URL('../dist/gen-nodejs', import.meta.url);
cpSync(from, to, { recursive: true });
