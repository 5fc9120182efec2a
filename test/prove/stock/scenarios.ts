import type { StockScenario } from './scenario.ts';
import { shellBeside, twoCores } from './scenarios/beside.ts';
import { detections, detectionsLive } from './scenarios/detections.ts';
import { distributed } from './scenarios/distributed.ts';
import { files } from './scenarios/files.ts';
import { hiddenColumns } from './scenarios/hidden-columns.ts';
import { install } from './scenarios/install.ts';
import { largeResult } from './scenarios/large-result.ts';
import { limits } from './scenarios/limits.ts';
import { queries } from './scenarios/queries.ts';
import { reload } from './scenarios/reload.ts';
import { restart } from './scenarios/restart.ts';
import { slowQuery } from './scenarios/slow-query.ts';
import { tls } from './scenarios/tls.ts';

export const stockScenarios: readonly StockScenario[] = [
  slowQuery,
  reload,
  distributed,
  hiddenColumns,
  queries,
  detections,
  detectionsLive,
  limits,
  largeResult,
  install,
  tls,
  files,
  restart,
  twoCores,
  shellBeside,
];
