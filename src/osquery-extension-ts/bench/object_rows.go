// The table of object-rows.ts, written with osquery-go: object_rows --socket ... [--buffered]. See peers.ts.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	osquery "github.com/osquery/osquery-go"
	"github.com/osquery/osquery-go/plugin/table"
)

const rows = 100_000

func generate(context.Context, table.QueryContext) ([]map[string]string, error) {
	result := make([]map[string]string, 0, rows)
	for pid := 0; pid < rows; pid++ {
		name := fmt.Sprintf("process_%d", pid%100)
		result = append(result, map[string]string{
			"pid":           strconv.Itoa(pid),
			"name":          name,
			"path":          "/usr/bin/" + name,
			"cmdline":       fmt.Sprintf("/usr/bin/%s --number %d", name, pid),
			"uid":           strconv.Itoa(1000 + pid%7),
			"gid":           "1000",
			"start_time":    strconv.Itoa(1_700_000_000 + pid),
			"state":         "S",
			"resident_size": strconv.Itoa(pid * 4096),
			"parent":        "1",
		})
	}
	return result, nil
}

func main() {
	socket := flag.String("socket", "", "core's socket")
	timeout := flag.Int("timeout", 3, "seconds to wait for it")
	interval := flag.Int("interval", 3, "seconds between pings")
	buffered := flag.Bool("buffered", false, "answers by a buffered transport, which is not the default of osquery-go")
	flag.Parse()
	options := []osquery.ServerOption{
		osquery.ServerTimeout(time.Duration(*timeout) * time.Second),
		osquery.ServerPingInterval(time.Duration(*interval) * time.Second),
	}
	if *buffered {
		options = append(options, osquery.WithTransportFactory(thrift.NewTBufferedTransportFactory(1<<16)))
	}
	server, err := osquery.NewExtensionManagerServer("object_rows", *socket, options...)
	if err != nil {
		log.Fatal(err)
	}
	text, number := table.TextColumn, table.BigIntColumn
	columns := []table.ColumnDefinition{
		number("pid"), text("name"), text("path"), text("cmdline"), number("uid"), number("gid"),
		number("start_time"), text("state"), number("resident_size"), number("parent"),
	}
	server.RegisterPlugin(table.NewPlugin("object_rows", columns, generate))
	if err := server.Run(); err != nil {
		log.Fatal(err)
	}
}
