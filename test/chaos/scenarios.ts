import type { Scenario } from '../bench/scenario.ts';
import { kills } from './scenarios/kills.ts';

/** In the order they run. */
export const scenarios: readonly Scenario[] = [kills];
