/**
 * fast-check, for a run with PROPERTY_RUNS=N: every property is tried with N cases, whatever number its test gives. The
 * configuration of vitest puts this module in the place of the package.
 */
import fc, {
  type IAsyncProperty,
  type IProperty,
  type Parameters,
} from '../../node_modules/fast-check/lib/fast-check.js';

const numRuns = Number(process.env.PROPERTY_RUNS);

const assert = <Ts>(property: IProperty<Ts> | IAsyncProperty<Ts>, parameters?: Parameters<Ts>): unknown =>
  fc.assert(property as IProperty<Ts>, { ...parameters, numRuns });

export default { ...fc, assert };
