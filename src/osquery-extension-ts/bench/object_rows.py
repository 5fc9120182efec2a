"""The table of object-rows.ts, written with osquery-python: object_rows.py DIRECTORY_OF_OSQUERY_PYTHON --socket ... See peers.ts."""
import sys

sys.path.insert(0, sys.argv.pop(1))
import osquery  # noqa: E402

ROWS = 100_000
NAMES = ['pid', 'name', 'path', 'cmdline', 'uid', 'gid', 'start_time', 'state', 'resident_size', 'parent']
TEXTS = {'name', 'path', 'cmdline', 'state'}


@osquery.register_plugin
class ObjectRows(osquery.TablePlugin):
    def name(self):
        return 'object_rows'

    def columns(self):
        return [
            osquery.TableColumn(name=name, type='TEXT' if name in TEXTS else 'BIGINT') for name in NAMES
        ]

    def generate(self, context):
        return [
            {
                'pid': str(pid),
                'name': f'process_{pid % 100}',
                'path': f'/usr/bin/process_{pid % 100}',
                'cmdline': f'/usr/bin/process_{pid % 100} --number {pid}',
                'uid': str(1000 + pid % 7),
                'gid': '1000',
                'start_time': str(1_700_000_000 + pid),
                'state': 'S',
                'resident_size': str(pid * 4096),
                'parent': '1',
            }
            for pid in range(ROWS)
        ]


osquery.start_extension(name='object_rows', version='1.0.0')
