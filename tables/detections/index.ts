import { accessDetections } from './access.ts';
import { containerDetections } from './containers.ts';
import type { Detection } from './detection.ts';
import { evasionDetections } from './evasion.ts';
import { executionDetections } from './execution.ts';
import { fileDetections } from './files.ts';
import { networkDetections } from './network.ts';
import { privilegeDetections } from './privilege.ts';

/** All detections. To add one, add it to one of these lists, and what it finds to test/live/packs.test.ts. */
export const detections: readonly Detection[] = [
  ...networkDetections,
  ...executionDetections,
  ...evasionDetections,
  ...privilegeDetections,
  ...accessDetections,
  ...containerDetections,
  ...fileDetections,
];

/** What `file_detections` watches, by the category that its rows have. */
export { watchedPaths } from './files.ts';
