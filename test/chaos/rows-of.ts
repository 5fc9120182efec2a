import type { TableSpec } from 'osquery-extension-ts';
import { selectRequest } from '../bench/select-request.ts';
import type { SupervisedExtension } from '../live/supervised-extension.ts';

/** How many rows of a table have a value. */
export const rowsOf = async (
  extension: SupervisedExtension,
  spec: TableSpec,
  column: string,
  value: number,
): Promise<number> => {
  const { context } = selectRequest(spec, { columns: [column], equal: { [column]: String(value) } });
  return (await extension.core.generate(spec.name, JSON.parse(context!))).length;
};
