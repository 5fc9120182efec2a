// The parts of the `thrift` package and of the generated code that this package uses; neither has usable types.

declare module 'thrift' {
  export interface Transport {
    readonly __transport: unique symbol;
  }
  export interface Protocol {
    readMessageBegin(): { fname: string; mtype: number; rseqid: number };
  }
  /** The writing half of a protocol. */
  export interface Writer {
    writeMessageBegin(name: string, type: number, seqid: number): void;
    writeMessageEnd(): void;
    writeFieldBegin(name: string, type: number, id: number): void;
    writeFieldStop(): void;
    writeMapBegin(keyType: number, valueType: number, size: number): void;
    writeListBegin(elementType: number, size: number): void;
    writeString(value: string): void;
    writeByte(value: number): void;
    writeI32(value: number): void;
    flush(): void;
  }
  /** The reading half of a protocol. */
  export interface Reader {
    readMessageBegin(): { fname: string; mtype: number; rseqid: number };
    readMapBegin(): { ktype: number; vtype: number; size: number };
    readListBegin(): { etype: number; size: number };
    readFieldBegin(): { ftype: number; fid: number };
    readString(): string;
    readI32(): number;
    skip(type: number): void;
  }
  interface ThriftPackage {
    TBufferedTransport: {
      new (buffer: undefined, onFlush: (message: Buffer, seqid: number) => void): Transport;
      receiver(callback: (transport: Transport) => void): (data: Buffer) => void;
    };
    TBinaryProtocol: new (transport: Transport, strictRead?: boolean, strictWrite?: boolean) => Protocol;
    Int64: new (buffer: Buffer) => { buffer: Buffer; offset: number };
    Thrift: {
      TApplicationException: new (type: number, message: string) => Error & { type: number };
      TException: new (message: string) => Error;
    };
  }
  const thrift: ThriftPackage;
  export default thrift;
}

declare module '*/gen-nodejs/Extension.js' {
  import type { Protocol, Transport } from 'thrift';

  export interface GeneratedClient {
    _seqid: number;
    [method: string]: unknown;
  }
  export interface GeneratedProcessor {
    process(input: Protocol, output: Protocol): void;
  }
  const service: {
    Client: new (output: Transport, protocol: unknown) => GeneratedClient;
    Processor: new (handler: unknown) => GeneratedProcessor;
  };
  export default service;
}

declare module '*/gen-nodejs/ExtensionManager.js' {
  import type { GeneratedClient, GeneratedProcessor } from '*/gen-nodejs/Extension.js';
  import type { Transport } from 'thrift';

  const service: {
    Client: new (output: Transport, protocol: unknown) => GeneratedClient;
    Processor: new (handler: unknown) => GeneratedProcessor;
  };
  export default service;
}

declare module '*/gen-nodejs/osquery_types.js' {
  const types: {
    ExtensionStatus: new (fields: { code: number; message: string; uuid: unknown }) => object;
    InternalExtensionInfo: new (fields: {
      name: string;
      version: string;
      sdk_version: string;
      min_sdk_version: string;
    }) => object;
    InternalOptionInfo: new (fields: { value: string; default_value: string; type: string }) => object;
  };
  export default types;
}
