"""Core's side, made by Apache Thrift's own compiler and library for Python: manager.py GENERATED SOCKET. Says each call in a line."""
import json
import sys

sys.path.insert(0, sys.argv[1])
from osquery import ExtensionManager  # noqa: E402
from osquery.ttypes import (  # noqa: E402
    ExtensionResponse,
    ExtensionStatus,
    InternalExtensionInfo,
    InternalOptionInfo,
)
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.server import TServer  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

UUID = 2**53 + 1
OK = ExtensionStatus(0, 'OK', 0)
registered = {}


def say(*what):
    print(json.dumps(what), flush=True)


class Core:
    def ping(self):
        return OK

    def registerExtension(self, info, registry):
        say('registerExtension', info.name, registry)
        registered[UUID] = info
        return ExtensionStatus(0, 'OK', UUID)

    def deregisterExtension(self, uuid):
        say('deregisterExtension', uuid)
        del registered[uuid]
        return OK

    def extensions(self):
        return {uuid: InternalExtensionInfo(info.name, info.version, '5.23.1', '0.0.0') for uuid, info in registered.items()}

    def options(self):
        return {'verbose': InternalOptionInfo('true', 'false', 'bool')}

    def query(self, sql):
        return ExtensionResponse(OK, [{'sql': sql}, {'\u017elu\u0165': '\u20ac'}])

    def getQueryColumns(self, sql):
        return ExtensionResponse(OK, [{'b': 'TEXT'}, {'a': 'BIGINT'}])

    def call(self, registry, item, request):
        return ExtensionResponse(ExtensionStatus(1, 'no such key', 0), [])


server = TServer.TThreadedServer(
    ExtensionManager.Processor(Core()),
    TSocket.TServerSocket(unix_socket=sys.argv[2]),
    TTransport.TBufferedTransportFactory(),
    TBinaryProtocol.TBinaryProtocolFactory(),
    daemon=True,
)
say('ready')
server.serve()
