// Takes what core logs, and appends it to a file: osqueryd --logger_plugin=to_file
import { appendFile } from 'node:fs/promises';
import { LoggerPlugin, main } from 'osquery-extension-ts';

const path = process.env.LOG_FILE ?? '/tmp/osquery-example.log';

const logger = new LoggerPlugin('to_file', {
  result: json => appendFile(path, `${json}\n`),
  status: lines =>
    appendFile(path, lines.map(({ severity, message }) => `${severity}: ${message}\n`).join('')),
});

await main({ name: 'logger_example', version: '1.0.0', plugins: [logger], reconnect: true });
