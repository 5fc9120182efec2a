#!/bin/sh
# Regenerates src/gen-nodejs from idl/osquery.thrift.
# Needs the Apache Thrift compiler 0.17 (Debian: apt-get install thrift-compiler). Without `es6` the generated code
# would need the package `q`, which the `thrift` package no longer brings.
set -eu
cd "$(dirname "$0")/.."
thrift --gen js:node,es6 -out src/gen-nodejs idl/osquery.thrift
