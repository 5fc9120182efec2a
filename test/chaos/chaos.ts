/**
 * Does to the extension what production does: `npm run chaos [SCENARIO…] [-- --json --ext FILE]`. Ends with status 1 if a
 * figure misses its goal.
 *
 * Takes root and an audit socket that nobody owns; all load stays on this host and ends by itself.
 */
import { runScenarios } from '../bench/run-scenarios.ts';
import { scenarios } from './scenarios.ts';

process.exitCode = (await runScenarios('chaos', scenarios)) ? 0 : 1;
