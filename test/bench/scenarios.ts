import type { Scenario } from './scenario.ts';
import { burst } from './scenarios/burst.ts';
import { connectCpu } from './scenarios/connect-cpu.ts';
import { connectEnds } from './scenarios/connect-ends.ts';
import { containerHashes } from './scenarios/container-hashes.ts';
import { execCpu } from './scenarios/exec-cpu.ts';
import { filesUnwatched } from './scenarios/files-unwatched.ts';
import { growth } from './scenarios/growth.ts';
import { selfJoin } from './scenarios/join.ts';
import { latency } from './scenarios/latency.ts';
import { memoryUse } from './scenarios/memory.ts';
import { pipeline } from './scenarios/pipeline.ts';
import { receiveOnly } from './scenarios/receive-only.ts';
import { replayLog } from './scenarios/replay.ts';
import { select } from './scenarios/select.ts';
import { selectCore } from './scenarios/select-core.ts';
import { selectFew } from './scenarios/select-few.ts';
import { selectRecent } from './scenarios/select-recent.ts';
import { selectWhileIngesting } from './scenarios/select-while-ingesting.ts';
import { sizing } from './scenarios/sizing.ts';
import { start } from './scenarios/start.ts';
import { sustained } from './scenarios/sustained.ts';
import { telemetry } from './scenarios/telemetry.ts';

/** In the order they run. */
export const scenarios: readonly Scenario[] = [
  start,
  burst,
  sustained,
  connectCpu,
  connectEnds,
  execCpu,
  filesUnwatched,
  telemetry,
  containerHashes,
  latency,
  select,
  selectCore,
  selectRecent,
  selectFew,
  selfJoin,
  selectWhileIngesting,
  memoryUse,
  growth,
  receiveOnly,
  pipeline,
  replayLog,
  sizing,
];
