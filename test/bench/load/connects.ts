import { connectOnce } from './connect.ts';
import { runLoad } from './run-load.ts';

runLoad(connectOnce);
