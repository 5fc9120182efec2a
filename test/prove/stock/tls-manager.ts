import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_REQUEST_BYTES = 64 << 20;
const NODE_KEY = 'the-only-node';

type Json = Readonly<Record<string, unknown>>;

/** A row of a result that came by TLS. */
export interface LoggedRow {
  readonly name: string;
  readonly action: string;
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * The smallest manager of a fleet that osqueryd's `tls` plugins can do with: it enrolls, gives a configuration, takes
 * logs, and asks. Its certificate is made for the run, by openssl.
 *
 * Source: https://osquery.readthedocs.io/en/stable/deployment/remote/
 */
export class TlsManager implements AsyncDisposable {
  /** Given at each request for it. */
  configuration: object;
  readonly rows: LoggedRow[] = [];
  /** Messages of osqueryd's own log. */
  readonly status: string[] = [];
  readonly #server: Server;
  readonly #directory: string;
  /** Milliseconds. */
  readonly #firstDelay: number;
  #isFirst = true;
  readonly #asked = new Map<string, string>();
  readonly #answers = new Map<string, PromiseWithResolvers<Record<string, string>[]>>();

  private constructor(directory: string, server: Server, configuration: object, firstDelay: number) {
    this.#directory = directory;
    this.#server = server;
    this.configuration = configuration;
    this.#firstDelay = firstDelay;
  }

  /** @param firstDelay milliseconds that the first answer to a request for the configuration takes */
  static async start(directory: string, configuration: object, firstDelay: number): Promise<TlsManager> {
    const [key, cert] = ['key.pem', 'cert.pem'].map(name => join(directory, name)) as [string, string];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = [
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(join(directory, 'secret'), 'secret\n', { mode: 0o600 });
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
    const manager = new TlsManager(directory, server, configuration, firstDelay);
    server.on('request', (request, response) => {
      manager.#answer(request).then(
        body => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        error => response.writeHead(500).end(String(error)),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return manager;
  }

  /** With them osqueryd has everything from here. */
  get flags(): readonly string[] {
    const { port } = this.#server.address() as AddressInfo;
    return [
      `--tls_hostname=localhost:${port}`,
      `--tls_server_certs=${join(this.#directory, 'cert.pem')}`,
      `--enroll_secret_path=${join(this.#directory, 'secret')}`,
      '--enroll_tls_endpoint=/enroll',
      '--config_plugin=tls',
      '--config_tls_endpoint=/config',
      '--config_refresh=2',
      '--logger_plugin=tls',
      '--logger_tls_endpoint=/log',
      '--logger_tls_period=1',
      '--disable_distributed=false',
      '--distributed_plugin=tls',
      '--distributed_interval=1',
      '--distributed_tls_read_endpoint=/read',
      '--distributed_tls_write_endpoint=/write',
    ];
  }

  /** Asks a distributed query. */
  ask(sql: string): Promise<Record<string, string>[]> {
    const id = `query-${this.#answers.size}`;
    const answer = Promise.withResolvers<Record<string, string>[]>();
    this.#answers.set(id, answer);
    this.#asked.set(id, sql);
    return answer.promise;
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const body = await readJson(request);
    switch (request.url) {
      case '/enroll':
        return { node_key: NODE_KEY, node_invalid: false };
      case '/config':
        if (this.#isFirst) await sleep(this.#firstDelay);
        this.#isFirst = false;
        return this.configuration;
      case '/log':
        this.#log(body);
        return {};
      case '/read': {
        const queries = Object.fromEntries(this.#asked);
        this.#asked.clear();
        return { queries };
      }
      case '/write':
        for (const [id, rows] of Object.entries((body.queries ?? {}) as Json))
          this.#answers.get(id)?.resolve(Array.isArray(rows) ? rows : []);
        return {};
      default:
        throw new Error(`unexpected request for ${request.url}`);
    }
  }

  #log({ log_type, data }: Json): void {
    if (!Array.isArray(data)) return;
    for (const line of data) {
      if (log_type === 'result') this.rows.push(line);
      else this.status.push(String(line.message));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const readJson = async (request: IncomingMessage): Promise<Json> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_REQUEST_BYTES) throw new Error(`a request of more than ${MAX_REQUEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
};
