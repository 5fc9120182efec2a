/**
 * Measures the extension: `npm run bench [SCENARIO…] [--json]`, `npm run bench -- --ext FILE --profile DIRECTORY`.
 *
 * Each scenario starts the extension as osqueryd does, as a process of its own. Those on the kernel's events need root
 * and an audit socket that nobody owns; all load stays on this host and ends by itself. Nothing here is asserted
 * anywhere: figures depend on the machine, and on what else it does.
 */
import { runScenarios } from './run-scenarios.ts';
import { scenarios } from './scenarios.ts';

await runScenarios('bench', scenarios);
