import { detections, watchedPaths } from '../../../tables/detections/index.ts';
import { fleetAgentOptions, fleetReports } from './fleet-yaml.ts';
import { osqueryPack } from './osquery-pack.ts';

const of = (pack: (typeof detections)[number]['pack']) => detections.filter(each => each.pack === pack);

/** The files that the detections are written to, by path in the project. */
export const writtenPacks = (): ReadonlyMap<string, string> =>
  new Map([
    ['tables/packs/detections.conf', osqueryPack(of('detections'))],
    ['tables/packs/file_detections.conf', osqueryPack(of('file_detections'), watchedPaths)],
    ['tables/packs/fleet/detections.reports.yml', fleetReports(of('detections'))],
    ['tables/packs/fleet/file_detections.reports.yml', fleetReports(of('file_detections'))],
    ['tables/packs/fleet/file_detections.agent-options.yml', fleetAgentOptions(watchedPaths)],
  ]);
